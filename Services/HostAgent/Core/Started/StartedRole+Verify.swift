import FoundationEssentials
import Hypervisor
import Logging
import Replica
import ServiceRuntime

/// Marking the points whose guests answer.
///
/// ```
///   guest runs from a view ──► its guest agent answers ──► the point is marked
///           └── a test is ended with an operator's verdict ──► marked by it, or its mark is taken back
/// ```
///
/// Nothing waits for it. The guest is asked when the hypervisor tells of its agent, and now and then, because that may
/// have been before this agent looked, or while it was not running. What is marked already is asked about once more
/// after a restart, and left as it is.
extension StartedRole {
    /// A guest that may still prove its point.
    struct Candidate: Sendable {
        var key: Key
        var guest: String
        var cycle: UInt64
    }

    /// Works until the signal is given.
    nonisolated func markWhatAnswers(until stop: StopSignal) async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                while !(await stop.sleep(for: HostAgentLimits.answerPollInterval)) { self.answersAreDue.ring() }
                self.answersAreDue.ring()
            }
            while !stop.isGiven, !Task.isCancelled {
                await lookForAnswers()
                await answersAreDue.wait()
            }
        }
    }

    private func lookForAnswers() async {
        for candidate in unproven {
            do {
                // Outside the protection's lock, because an agent that hangs is waited for.
                guard try await hypervisor.guestAgentAnswers(candidate.guest) else { continue }
                try await lock.withLock(candidate.key.protection) { try await note(candidate) }
            } catch {
                logger.warning(
                    "point not marked as verified",
                    metadata: ["protection": "\(candidate.key.protection)", "error": "\(error)"])
            }
        }
    }

    /// The guest may have been stopped, and another started, since it was asked.
    private func note(_ candidate: Candidate) async throws {
        guard isUnproven(candidate) else { return }
        let isNew = try await mark(candidate.key.protection, candidate.cycle, by: .guestAgent)
        proven[candidate.key] = candidate.guest
        guard isNew else { return }
        logger.notice(
            "point verified",
            metadata: [
                "protection": "\(candidate.key.protection)", "cycle": "\(candidate.cycle)", "by": "guest agent",
                "purpose": "\(candidate.key.purpose)",
            ])
    }

    /// To be called before the test is ended, with the protection's lock. A guest that never ran proves nothing.
    func judge(_ known: StartedReplica, _ protection: String, _ verdict: TestVerdict) async throws {
        guard known.started != nil else { return }
        switch verdict {
        case .none: return
        case .verified: _ = try await mark(protection, known.order.cycle, by: .operator)
        case .failed:
            let replica = try await target.replica(of: protection)
            let cycle = known.order.cycle
            _ = try await target.run(protection) { try replica.unmarkVerified(cycle) }
        }
        logger.notice(
            "test judged",
            metadata: [
                "protection": "\(protection)", "cycle": "\(known.order.cycle)", "verdict": "\(verdict)",
            ])
    }

    private func mark(
        _ protection: String, _ cycle: UInt64, by witness: PointVerification.Witness
    ) async throws -> Bool {
        let replica = try await target.replica(of: protection)
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        return try await target.run(protection) {
            try replica.markVerified(cycle, by: witness, unixMilliseconds: now)
        }
    }

    /// Whether the point that a started guest runs from is marked.
    func isVerified(_ protection: String, _ guest: StartedGuest) async -> Bool {
        await target.verification(of: guest.cycle, protection) != nil
    }
}
