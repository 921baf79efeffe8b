import Messages

@testable import HostAgent

// The part of the protection at hand, by the names that everything here uses.

extension WalkHost {
    var replica: WalkReplica? {
        get { part.replica }
        _modify { yield &part.replica }
    }
    var side: SideStateMachine? {
        get { part.side }
        _modify { yield &part.side }
    }
    var ledger: CheckpointLedger {
        get { part.ledger }
        _modify { yield &part.ledger }
    }
    var captureGeneration: UInt64 {
        get { part.captureGeneration }
        _modify { yield &part.captureGeneration }
    }
    var started: StartedReplica? {
        get { part.started }
        _modify { yield &part.started }
    }
    var test: StartedReplica? {
        get { part.test }
        _modify { yield &part.test }
    }
    var testContent: [Int]? {
        get { part.testContent }
        _modify { yield &part.testContent }
    }
    var startedOnBase: (generation: UInt64, guest: StartedGuest)? {
        get { part.startedOnBase }
        _modify { yield &part.startedOnBase }
    }
    var retired: UInt64 {
        get { part.retired }
        _modify { yield &part.retired }
    }
    var stopped: Int? {
        get { part.stopped }
        _modify { yield &part.stopped }
    }
    var capturing: CaptureStateMachine {
        get { part.capturing }
        _modify { yield &part.capturing }
    }
    var receiving: CycleStateMachine {
        get { part.receiving }
        _modify { yield &part.receiving }
    }
    var order: TargetRole.CycleOrder? {
        get { part.order }
        _modify { yield &part.order }
    }
    var records: [UInt32: [Int: Int]] {
        get { part.records }
        _modify { yield &part.records }
    }
    var prepares: UInt64? {
        get { part.prepares }
        _modify { yield &part.prepares }
    }
    var failure: RemoteError? {
        get { part.failure }
        _modify { yield &part.failure }
    }
    var isEnding: Bool {
        get { part.isEnding }
        _modify { yield &part.isEnding }
    }
}
