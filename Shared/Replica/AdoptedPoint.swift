internal import DeltaLog

/// What disks hold that become a base without having been folded there.
package enum AdoptedPoint: Sendable, Equatable {
    /// Exactly this point.
    case exact(RecoveryPoint)
    /// What was written after this point, too. It is listed nowhere as a recovery point, but its cycle and identifier
    /// are what the next cycle, a comparing one, names as its parent.
    case diverged(RecoveryPoint)

    package var point: RecoveryPoint {
        switch self {
        case .exact(let point), .diverged(let point): point
        }
    }

    package var isDiverged: Bool {
        switch self {
        case .exact: false
        case .diverged: true
        }
    }

    /// As the manifest keeps it: a base has no log.
    var withoutLog: AdoptedPoint {
        var point = point
        point.storedBytes = 0
        return isDiverged ? .diverged(point) : .exact(point)
    }

    /// The base that it makes, once the images hold it.
    func base(guest: GuestConfiguration) -> ReplicaManifest.Base {
        let base = ReplicaManifest.BasePoint(point: withoutLog.point, guest: guest)
        return isDiverged ? .diverged(base) : .settled(base)
    }
}
