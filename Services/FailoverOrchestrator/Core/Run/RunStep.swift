/// The steps that runs are made of. The raw value is the name that other programs see, so it never changes.
enum RunStep: String, Hashable, Sendable, Codable, CaseIterable {
    case claim
    case check
    case checkSource = "check-source"
    case prepare
    case shutDownSource = "shut-down-source"
    case lastDelta = "last-delta"
    case choosePoint = "choose-point"
    case activate
    case fenceSource = "fence-source"
    case startReplica = "start-replica"
    case adoptSource = "adopt-source"
    case reverse
    case commitReplica = "commit-replica"
    case pend
    case startTest = "start-test"
    case stopTest = "stop-test"
    case stopReplica = "stop-replica"
    case changePoint = "change-point"
    case commit
    case cancel
    case fenceTarget = "fence-target"
    case activateSource = "activate-source"
    case startSource = "start-source"
    case release

    /// For people.
    func title(source: String, target: String) -> String {
        switch self {
        case .claim: "Hold the protection, so that nothing else changes it"
        case .check: "Check that \(target) can run the guest"
        case .checkSource: "Check that \(source) answers"
        case .prepare: "Put the journal into the guest's own disks at \(target)"
        case .shutDownSource: "Shut the guest down at \(source)"
        case .lastDelta: "Fetch the last changes from \(source)"
        case .choosePoint: "Choose the recovery point at \(target)"
        case .activate: "Make \(target) the active side"
        case .fenceSource: "Tell \(source) that its guest may not run"
        case .startReplica: "Start the guest at \(target)"
        case .adoptSource: "Make the disks at \(source) the base of the new replica"
        case .reverse: "Replicate from \(target) to \(source)"
        case .commitReplica: "Put the journal into the base images at \(target)"
        case .pend: "Leave the choice: commit, another point, cancel, or reverse"
        case .startTest: "Start a test guest at \(target)"
        case .stopTest: "Remove every trace of the test at \(target)"
        case .stopReplica: "Stop the guest at \(target); what it wrote is lost"
        case .changePoint: "Note the other point"
        case .commit: "Note that \(target) runs the guest for good"
        case .cancel: "Make \(source) the active side again"
        case .fenceTarget: "Tell \(target) that its guest may not run"
        case .activateSource: "Tell \(source) that its guest may run"
        case .startSource: "Start the guest at \(source)"
        case .release: "Let the protection go on as before"
        }
    }
}

extension RunRequest {
    /// The steps of the run, in order, as `Shared/Messages/Failover.md` lists them.
    var steps: [RunStep] {
        switch kind {
        case .test: [.check, .choosePoint, .startTest]
        case .cleanup: [.stopTest]
        case .planned, .failback:
            [
                .claim, .check, .prepare, .shutDownSource, .lastDelta, .activate, .fenceSource, .startReplica,
                .adoptSource, .reverse, .commitReplica,
            ]
        case .unplanned:
            [.claim, .check] + (reachesSource ? [.shutDownSource, .lastDelta] : [])
                + [.choosePoint, .activate, .fenceSource, .startReplica, .pend]
        case .changePoint: [.choosePoint, .stopReplica, .changePoint, .startReplica]
        case .commit: [.commitReplica, .commit]
        case .cancel: [.checkSource, .stopReplica, .cancel, .fenceTarget, .activateSource, .startSource, .release]
        case .reverse: [.shutDownSource, .fenceSource, .adoptSource, .commitReplica, .reverse]
        }
    }
}

extension RunKind {
    /// The vault does not keep the protection for this run from its first step on, and lets it be unprotected meanwhile,
    /// because a committed one may be at any time. Others are claimed, refused unprotecting by their state, or do no harm to
    /// a guest that is protected anew.
    var isUnheld: Bool { self == .reverse }

    /// The first step that is not taken back any more: from here on the run goes forward. Nil: everything is.
    var pointOfNoReturn: RunStep? {
        switch self {
        case .test: nil
        case .cleanup: .stopTest
        case .planned, .failback, .unplanned: .activate
        case .changePoint, .cancel: .stopReplica
        case .commit: .commitReplica
        case .reverse: .adoptSource
        }
    }
}
