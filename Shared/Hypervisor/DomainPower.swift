import CLibvirt

/// Whether a guest runs, and of one that does not how it ended, as libvirt tells it.
struct DomainPower: Sendable, Hashable {
    let state: PowerState
    /// Nil while there is a process.
    let end: GuestEnd?

    /// - Parameters:
    ///   - state: of `virDomainGetState`, like the reason.
    ///   - hasSavedMemory: libvirt has an image that the guest's next start goes on from. It is asked for besides the reason,
    ///     because libvirt forgets reasons when it is started anew.
    init(state: Int32, reason: Int32, hasSavedMemory: Bool) {
        switch UInt32(bitPattern: state) {
        case VIR_DOMAIN_SHUTOFF.rawValue:
            self.state = .shutOff
            end = Self.end(UInt32(bitPattern: reason), hasSavedMemory)
        case VIR_DOMAIN_CRASHED.rawValue:
            self.state = .crashed
            end = .unknown
        case VIR_DOMAIN_PAUSED.rawValue, VIR_DOMAIN_PMSUSPENDED.rawValue:
            self.state = .paused
            end = nil
        default:
            self.state = .running
            end = nil
        }
    }

    private static func end(_ reason: UInt32, _ hasSavedMemory: Bool) -> GuestEnd {
        if reason == VIR_DOMAIN_SHUTOFF_MIGRATED.rawValue { return .migrated }
        if hasSavedMemory { return .saved }
        switch reason {
        case VIR_DOMAIN_SHUTOFF_SHUTDOWN.rawValue: return .shutDown
        default: return .unknown
        }
    }
}
