// What giving a run up does, which depends on what it is and how far it is.

extension RunRecord {
    /// As in "bascule run abandon 1a2b3c4d …": what the orchestrator then does.
    package var abandonment: String {
        switch kind {
        case .test, .unknown: return "takes it back as far as it can be"
        case .planned, .unplanned, .failback:
            return "takes it back; where \(guestWords) runs at \(hostWords) already, it stays, with its commit pending"
        case .changePoint:
            guard hasEnded("stop-replica"), !hasEnded("start-replica") else { return "ends it where it is" }
            return "ends it where it is: \(guestWords) is off until bascule change-point \(guestWords) --point POINT"
        case .cancel:
            return hasEnded("cancel")
                ? "goes on without the host that does not answer"
                : "ends it, with the commit pending as before; a target that the vault does not hear is gone on without"
        case .cleanup, .commit, .reverse: return "ends it where it is; the same command goes on from there"
        }
    }

    private func hasEnded(_ step: String) -> Bool { steps.contains { $0.name == step && $0.state == .done } }

    private var guestWords: String { guest.isEmpty ? protection : guest }

    private var hostWords: String { toHost.isEmpty ? "the target" : toHost }
}
