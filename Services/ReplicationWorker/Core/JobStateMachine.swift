/// How one attempt of one transfer job ends, as a value: several things may end it, in any order and more than once;
/// the first one counts, and what is told to the job board follows from it.
///
/// ```
///   running ──► reporting ──► ended     finished, or failed: the job board is told
///      └──────────────────► ended       abandoned: nothing is told, because the lease is another's
/// ```
package struct JobStateMachine: Sendable {
    package struct Totals: Sendable, Equatable {
        package var changedBytes: UInt64 = 0
        package var readBytes: UInt64 = 0
        package var sentBytes: UInt64 = 0
        package var records: UInt64 = 0
        /// Of the job's range: sent, or found to need nothing.
        package var doneBytes: UInt64 = 0

        package init() {}
    }

    package enum Outcome: Sendable, Equatable {
        /// The receiver stored everything, and both sides computed this digest.
        case finished(digest: [UInt8], Totals)
        case failed(JobFault)
        case abandoned(reason: String)
    }

    package enum Phase: Sendable, Equatable {
        case running
        case reporting(Outcome)
        case ended(Outcome)
    }

    package enum Action: Sendable, Equatable {
        /// Close both sides and tell the job board.
        case report(Outcome)
        /// Close both sides and say nothing.
        case drop(Outcome)
        case nothing
    }

    package private(set) var phase: Phase = .running

    package init() {}

    package mutating func stored(digest: [UInt8], totals: Totals) -> Action {
        end(.finished(digest: digest, totals))
    }

    package mutating func failed(_ fault: JobFault) -> Action {
        end(.failed(fault))
    }

    /// The lease is lost, or the cycle is no more.
    package mutating func abandoned(reason: String) -> Action {
        switch phase {
        case .running:
            let outcome = Outcome.abandoned(reason: reason)
            phase = .ended(outcome)
            return .drop(outcome)
        // What is told already cannot be taken back; the job board ignores it by its attempt.
        case .reporting, .ended: return .nothing
        }
    }

    package mutating func reported() {
        switch phase {
        case .running: preconditionFailure("an attempt ends before that is reported")
        case .reporting(let outcome): phase = .ended(outcome)
        case .ended: break
        }
    }

    private mutating func end(_ outcome: Outcome) -> Action {
        guard case .running = phase else { return .nothing }
        phase = .reporting(outcome)
        return .report(outcome)
    }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
