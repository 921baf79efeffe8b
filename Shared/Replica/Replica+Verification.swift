internal import DeltaLog
internal import Synchronization

/// Marking points as verified. Layout.md, "Verified points", has the file, and what a crash between two steps leaves.
extension Replica {
    /// Notes durably that a guest which was started from this point answered. Safe to repeat: the first mark stays, and
    /// an operator's takes the place of a guest agent's.
    /// - Parameters:
    ///   - cycle: of a listed point.
    ///   - unixMilliseconds: this host's clock.
    /// - Returns: whether the mark is new.
    /// - Throws: `ReplicaError` with code `notFound` when the point is not listed.
    @discardableResult
    package func markVerified(
        _ cycle: UInt64, by witness: PointVerification.Witness, unixMilliseconds: Int64
    ) throws -> Bool {
        try changeVerified { state, verified in
            guard let point = state.point(of: cycle) else {
                throw ReplicaError(
                    .notFound, "the replica does not hold this point", remedy: "Choose one of the points it lists.",
                    facts: ["cycle": "\(cycle)"])
            }
            return verified.mark(
                point.identifier, PointVerification(witness, unixMilliseconds: unixMilliseconds))
        }
    }

    /// Takes a point's mark back, whoever set it. One that has none, or is gone, is left as it is.
    /// - Returns: whether there was one.
    @discardableResult
    package func unmarkVerified(_ cycle: UInt64) throws -> Bool {
        try changeVerified { state, verified in
            guard let point = state.point(of: cycle) else { return false }
            return verified.unmark(point.identifier)
        }
    }

    /// Forgets the marks of points that are gone. While a log cannot be used its point is not listed, and may be again.
    func forgetMarksOfGonePoints() throws {
        _ = try changeVerified { state, verified in
            guard !verified.marks.isEmpty, state.journal.faults.isEmpty else { return false }
            return verified.keep(only: Set(state.points.map(\.identifier)))
        }
    }

    /// Replaces the file durably, then what is in memory.
    /// - Parameter change: answers whether there is something to write.
    private func changeVerified(
        _ change: (ReplicaState, inout VerifiedPoints) throws -> Bool
    ) throws -> Bool {
        try manifestTurn.withLock { _ in
            let state = state.withLock { $0 }
            try state.requireReady()
            var verified = state.verified
            guard try change(state, &verified) else { return false }
            try verified.prepare(layout, failpoints: failpoints)
            try publishing { try VerifiedPoints.publish(layout, failpoints: failpoints) }
            self.state.withLock { $0.verified = verified }
            return true
        }
    }
}
