import DeltaLog
import Replica

extension PointRecord {
    /// A point as the directory itself lists it, without any service.
    init(replica point: RecoveryPoint) {
        self.init(
            cycle: point.cycle, capturedUnixMilliseconds: point.capturedUnixMilliseconds,
            consistency: CycleRecord.Consistency(point.consistency), verified: point.verification != nil,
            storedBytes: point.storedBytes, changedBytes: point.changedBytes, identifier: "\(point.identifier)",
            verifiedBy: point.verification.map { Witness($0.witness) },
            verifiedUnixMilliseconds: point.verification?.unixMilliseconds)
    }
}

extension PointRecord.Witness {
    init(_ witness: PointVerification.Witness) {
        switch witness {
        case .guestAgent: self = .guestAgent
        case .operator: self = .operator
        }
    }
}

extension CycleRecord.Consistency {
    init(_ consistency: CaptureConsistency) {
        switch consistency {
        case .crash: self = .crash
        case .application: self = .application
        }
    }
}

extension OperatorError {
    init(_ error: ReplicaError) {
        self.init(
            error.code == .notFound ? .notFound : error.code == .corruptData ? .corrupt : .failed, error.message,
            remedy: error.remedy, facts: error.facts)
    }
}
