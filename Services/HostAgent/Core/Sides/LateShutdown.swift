/// What became of telling a guest to shut down, which cannot be taken back: a guest that is slow may still go off when it is
/// wanted on again.
///
/// ```
///             told to shut down              wanted on, and still the same run
///   none ───────────────────────► told ─────────────────────────────────────► unwanted ──► off in time: started again
///                                  ▲                                              │
///                                  └────── told to shut down, or another side ────┘
/// ```
///
/// One end is undone, and no later one, because a shutdown that somebody wants himself has to hold.
package enum LateShutdown: Sendable, Equatable {
    /// No run of the guest was told to shut down.
    case none
    /// This run was, and is not known to have ended.
    case told(run: UInt32)
    /// This run was, and is to go on: when it goes off before this time, the guest is started again.
    case unwanted(run: UInt32, untilUnixMilliseconds: Int64)

    /// The guest is about to be told. Nil: it is off.
    mutating func tell(run: UInt32?) { self = run.map { .told(run: $0) } ?? .none }

    /// The guest is to be on. Nil: it is off, and is started.
    mutating func want(run: UInt32?, nowUnixMilliseconds now: Int64) {
        switch self {
        case .told(run), .unwanted(run, _):
            guard let run else { return self = .none }
            self = .unwanted(run: run, untilUnixMilliseconds: now + HostAgentLimits.lateShutdownMilliseconds)
        case .none, .told, .unwanted: self = .none
        }
    }

    /// Whoever wanted it on no longer has a say, and the guest may still go off.
    mutating func recall() {
        guard case .unwanted(let run, _) = self else { return }
        self = .told(run: run)
    }

    /// Whether the run that was wanted on has ended in time, or may have.
    func hasEnded(_ seen: SideStateMachine.Observation) -> Bool {
        guard case .unwanted(let run, let until) = self else { return false }
        // A clock that was set back must not make it last.
        let time = until - HostAgentLimits.lateShutdownMilliseconds...until
        return seen.run != run && time.contains(seen.unixMilliseconds)
    }
}
