/// The open cycle of one replica at the target, as a value: who may send records for it, which attempts came in whole,
/// and whether a commit may go through. Records, files and sockets are the driver's.
///
/// ```
///            open                     commit                  committed
///   idle ───────────► receiving ─────────────► committing ───────────────► idle
///                         │ abort, another opening │ commitFailed
///                         └────────► idle ◄────────┘
/// ```
///
/// Each opening has its own token and key. An attempt number is used once in an opening, because the seals' nonces
/// are made of it.
package struct CycleStateMachine: Sendable {
    package struct Opening: Sendable, Equatable {
        package var cycle: UInt64
        /// nil: a first, full cycle.
        package var parent: UInt64?
        package var generation: UInt64
        /// 16 random bytes.
        package var token: [UInt8]

        package init(cycle: UInt64, parent: UInt64?, generation: UInt64, token: [UInt8]) {
            self.cycle = cycle
            self.parent = parent
            self.generation = generation
            self.token = token
        }
    }

    package enum Transfer: Sendable, Equatable {
        case receiving(job: [UInt8])
        case finished(job: [UInt8], digest: [UInt8], storedBytes: UInt64)
        case discarded
    }

    /// What a commit says about one job.
    package struct StoredJob: Sendable, Equatable {
        package var job: [UInt8]
        package var attempt: UInt32
        package var digest: [UInt8]

        package init(job: [UInt8], attempt: UInt32, digest: [UInt8]) {
            self.job = job
            self.attempt = attempt
            self.digest = digest
        }
    }

    package enum Phase: Sendable, Equatable {
        case idle
        case receiving(Opening, transfers: [UInt32: Transfer])
        case committing(Opening)
    }

    package enum OpenAction: Sendable, Equatable {
        /// The same opening, and nothing was sent for it yet: answer it again.
        case answerAgain(Opening)
        /// Throw away what is open (when given), then open afresh.
        case open(discarding: Opening?)
    }

    package private(set) var phase: Phase = .idle

    package init() {}

    package var opening: Opening? {
        switch phase {
        case .idle: nil
        case .receiving(let opening, _), .committing(let opening): opening
        }
    }

    package func open(cycle: UInt64, parent: UInt64?, generation: UInt64) throws -> OpenAction {
        switch phase {
        case .idle:
            return .open(discarding: nil)
        case .receiving(let current, let transfers):
            // A late message must not throw away a newer cycle.
            guard cycle >= current.cycle else { throw older(cycle, than: current) }
            if current.cycle == cycle, current.parent == parent, current.generation == generation, transfers.isEmpty {
                return .answerAgain(current)
            }
            return .open(discarding: current)
        case .committing(let current):
            throw busy(current)
        }
    }

    package mutating func opened(_ opening: Opening) {
        guard case .idle = phase else { preconditionFailure("opened while \(phase)") }
        phase = .receiving(opening, transfers: [:])
    }

    /// A sender says hello. Its attempt is taken for good, whatever becomes of it.
    package mutating func begin(token: [UInt8], job: [UInt8], attempt: UInt32) throws {
        guard case .receiving(let opening, var transfers) = phase, constantTimeEqual(opening.token, token) else {
            throw HostAgentError(
                .notFound, "The transfer token is of no open cycle.",
                remedy: "Throw the work away; the cycle was aborted or committed.")
        }
        guard transfers[attempt] == nil else {
            throw HostAgentError(
                .conflict, "Attempt \(attempt) was begun before.",
                remedy: "Fail the job; its next attempt gets a new number.", facts: ["attempt": "\(attempt)"])
        }
        guard transfers.count < HostAgentLimits.transfersPerCycleMaximum else {
            throw HostAgentError(
                .resourceExhausted, "The cycle has more attempts than are allowed.",
                remedy: "Abort the cycle and open a new one.", facts: ["attempts": "\(transfers.count)"])
        }
        transfers[attempt] = .receiving(job: job)
        phase = .receiving(opening, transfers: transfers)
    }

    /// Every record of the attempt is stored, and both sides computed the same digest.
    package mutating func finish(token: [UInt8], attempt: UInt32, digest: [UInt8], storedBytes: UInt64) throws {
        guard case .receiving(let opening, var transfers) = phase, opening.token == token,
            case .receiving(let job)? = transfers[attempt]
        else {
            throw HostAgentError(
                .notFound, "Attempt \(attempt) is not being received.",
                remedy: "Throw the work away; the cycle was aborted or committed.", facts: ["attempt": "\(attempt)"])
        }
        transfers[attempt] = .finished(job: job, digest: digest, storedBytes: storedBytes)
        phase = .receiving(opening, transfers: transfers)
    }

    /// The sender gave up, went silent, or broke a rule. Harmless when the cycle is gone already.
    package mutating func discard(token: [UInt8], attempt: UInt32) {
        guard case .receiving(let opening, var transfers) = phase, opening.token == token,
            case .receiving? = transfers[attempt]
        else { return }
        transfers[attempt] = .discarded
        phase = .receiving(opening, transfers: transfers)
    }

    /// Answers the attempts that count; every other one never surfaces.
    package mutating func commit(cycle: UInt64, jobs: [StoredJob]) throws -> [UInt32] {
        switch phase {
        case .idle:
            throw HostAgentError(
                .failedPrecondition, "Cycle \(cycle) is not open at the target.",
                remedy: "Abort the cycle; the next one starts from the last committed point.",
                facts: ["cycle": "\(cycle)"])
        case .committing(let opening):
            throw busy(opening)
        case .receiving(let opening, let transfers):
            guard opening.cycle == cycle else {
                throw HostAgentError(
                    .conflict, "Cycle \(opening.cycle) is open at the target, not cycle \(cycle).",
                    facts: ["open": "\(opening.cycle)", "cycle": "\(cycle)"])
            }
            for job in jobs { try check(job, against: transfers[job.attempt]) }
            let attempts = jobs.map(\.attempt)
            guard Set(attempts).count == attempts.count, Set(jobs.map(\.job)).count == jobs.count else {
                throw HostAgentError(.invalidArgument, "A job or an attempt is named twice.")
            }
            phase = .committing(opening)
            return attempts.sorted()
        }
    }

    package mutating func committed() {
        guard case .committing = phase else { preconditionFailure("committed while \(phase)") }
        phase = .idle
    }

    /// What was received is thrown away with the log that could not be committed.
    package mutating func commitFailed() {
        guard case .committing = phase else { preconditionFailure("commitFailed while \(phase)") }
        phase = .idle
    }

    /// Answers what has to be thrown away; nil when nothing of that cycle is open, which is no error: an abort may
    /// come twice, and after a restart.
    package mutating func abort(cycle: UInt64?) throws -> Opening? {
        switch phase {
        case .idle:
            return nil
        case .receiving(let opening, _):
            guard cycle == nil || opening.cycle == cycle else { return nil }
            phase = .idle
            return opening
        case .committing(let opening):
            throw busy(opening)
        }
    }

    private func check(_ stored: StoredJob, against transfer: Transfer?) throws {
        guard case .finished(let job, let digest, _)? = transfer, job == stored.job else {
            throw HostAgentError(
                .failedPrecondition, "Attempt \(stored.attempt) did not come in whole.",
                remedy: "Abort the cycle; the next one starts from the last committed point.",
                facts: ["attempt": "\(stored.attempt)", "held": transfer.map { "\($0.name)" } ?? "nothing"])
        }
        guard digest == stored.digest else {
            throw HostAgentError(
                .corruptData, "The digest of attempt \(stored.attempt) is not the one that was stored.",
                remedy: "Abort the cycle; the next one starts from the last committed point.",
                facts: [
                    "attempt": "\(stored.attempt)", "held": hexadecimal(digest), "given": hexadecimal(stored.digest),
                ])
        }
    }

    private func older(_ cycle: UInt64, than current: Opening) -> HostAgentError {
        HostAgentError(
            .conflict, "Cycle \(cycle) is older than cycle \(current.cycle), which is open.",
            facts: ["open": "\(current.cycle)", "cycle": "\(cycle)"])
    }

    private func busy(_ opening: Opening) -> HostAgentError {
        HostAgentError(
            .unavailable, "Cycle \(opening.cycle) is being committed.", remedy: "Ask again in a moment.",
            facts: ["cycle": "\(opening.cycle)"])
    }
}

extension CycleStateMachine.Transfer {
    var name: String {
        switch self {
        case .receiving: "an unfinished attempt"
        case .finished: "an attempt of another job"
        case .discarded: "a discarded attempt"
        }
    }
}

/// Takes as long for a wrong first byte as for a wrong last one, because a token is a secret.
func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
}

func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
