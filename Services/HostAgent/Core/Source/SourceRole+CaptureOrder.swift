package import Hypervisor

/// What the policy service asks to be captured.
extension SourceRole {
    package struct CaptureOrder: Sendable {
        package var protection: String
        package var guest: String
        package var order: CaptureStateMachine.Order
        package var consistency: CaptureConsistency
        package var freezeLimit: Duration
        package var keep: Duration
        package var regionsPerDisk: Int

        package init(
            protection: String, guest: String, order: CaptureStateMachine.Order, consistency: CaptureConsistency,
            freezeLimit: Duration, keep: Duration, regionsPerDisk: Int
        ) {
            self.protection = protection
            self.guest = guest
            self.order = order
            self.consistency = consistency
            self.freezeLimit = freezeLimit
            self.keep = keep
            self.regionsPerDisk = regionsPerDisk
        }
    }
}

extension CaptureRequest {
    init(_ request: SourceRole.CaptureOrder) {
        let kind: CaptureKind
        switch request.order.kind {
        case .full: kind = .full
        case .incremental:
            guard let parent = request.order.parent else { preconditionFailure("the state machine asked for a parent") }
            kind = .incremental(parentCycle: parent)
        case .compare: kind = .compare
        }
        self.init(
            protection: request.protection, guest: request.guest, cycle: request.order.cycle, kind: kind,
            consistency: request.consistency, freezeLimit: request.freezeLimit, regionsPerDisk: request.regionsPerDisk)
    }
}
