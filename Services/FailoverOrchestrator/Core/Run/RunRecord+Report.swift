// What a run's record tells people, while it goes on and ever after.

extension RunRecord {
    /// From the point's capture to the source's end, or to the request; nil: not known.
    ///
    /// The capture is of the source host's clock. The last delta of a guest that was shut off holds everything that it
    /// ever wrote, whatever clocks say.
    var rpoMilliseconds: Int64? {
        guard let point = facts.point else { return nil }
        if facts.lastDelta == point.cycle { return 0 }
        switch kind {
        case .test, .unplanned:
            guard point.capturedUnixMilliseconds > 0 else { return nil }
            let end = facts.sourceStoppedAt ?? requestedAt
            return max(0, end.milliseconds - point.capturedUnixMilliseconds)
        case .planned, .failback, .changePoint, .cleanup, .commit, .cancel, .reverse: return nil
        }
    }

    /// From the request to the replica's first instruction; nil: not known.
    var rtoMilliseconds: Int64? { facts.runningAt.map { max(0, $0 - requestedAt) } }

    /// What is the case, in one sentence.
    var sentence: String {
        if let wait { return wait.sentence }
        let source = facts.source.name
        let target = facts.target.name
        switch progress {
        case .forward(let index):
            return index < steps.count ? steps[index].step.title(source: source, target: target) : ""
        case .back(_, let cause): return "Taking everything back: \(cause.message)"
        case .failed(let cause): return cause.message
        case .succeeded: break
        }
        let point = facts.point.map { " from point \($0.cycle)" } ?? ""
        return switch kind {
        case .test: "\(facts.started?.guestName ?? guestName) runs at \(target)\(point), beside \(guestName)."
        case .cleanup: "Nothing of the test is left at \(target)."
        case .planned, .failback: "\(guestName) runs at \(target)\(point), and is replicated to \(source)."
        case .unplanned: "\(guestName) runs at \(target)\(point), and is not replicated."
        case .changePoint: "\(guestName) runs at \(target)\(point)."
        case .commit: "\(guestName) runs at \(target) for good; the other points are gone."
        case .cancel: "\(guestName) runs at \(source) again; what it wrote at \(target) is lost."
        case .reverse: "\(guestName) runs at \(target), and is replicated to \(source)."
        }
    }

    /// What to do next; empty: nothing.
    var remedy: String {
        if let wait { return wait.remedy }
        switch progress {
        case .forward, .back: return ""
        case .failed(let cause): return cause.remedy
        case .succeeded: break
        }
        return switch kind {
        case .test: facts.isTestCleaned ? "" : "Look at it, then “bascule cleanup \(guestName)”."
        case .unplanned, .changePoint: "Commit it, choose another point, cancel, or reverse."
        case .commit: "“bascule reverse \(guestName)” replicates it back."
        case .cleanup, .planned, .failback, .cancel, .reverse: ""
        }
    }
}
