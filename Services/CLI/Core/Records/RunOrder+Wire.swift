package import Messages

extension RunOrder {
    package func wire(dryRun: Bool) -> StartRun {
        var start = StartRun()
        start.kind = kind.wire
        start.protection = protection
        switch point {
        case nil: break
        case .latest: start.point = .latest
        case .latestApplicationConsistent: start.point = .latestApplicationConsistent
        case .latestVerified: start.point = .latestVerified
        case .cycle(let cycle):
            start.point = .cycle
            start.cycle = cycle
        }
        start.reachSource = reachSource
        start.keepDiverged = keepDiverged
        switch verdict {
        case nil: break
        case .verified: start.verdict = .verified
        case .failed: start.verdict = .failed
        }
        start.shutdownLimitMs = (shutdownLimitSeconds ?? 0) * 1_000
        start.whenShutdownFails = forceOff ? .destroy : .unspecified
        start.dryRun = dryRun
        return start
    }
}
