import CLibvirt

/// Whether a guest runs, and of one that does not how it ended, as libvirt tells it.
struct DomainPower: Sendable, Hashable {
    /// Where the guest was last, as far as this look alone tells.
    enum Stay: Sendable, Hashable {
        /// It executes here, or it did until it ended.
        case here
        /// It went on at another host.
        case away
        /// libvirt has forgotten; or as much can be seen of a guest that was being migrated hither when that failed, or
        /// still is, and goes on at the other host.
        case untold
    }

    let state: PowerState
    /// Nil while there is a process.
    let end: GuestEnd?
    let stay: Stay

    /// - Parameters:
    ///   - state: of `virDomainGetState`, like the reason.
    ///   - hasSavedMemory: libvirt has an image that the guest's next start goes on from. It is asked for besides the reason,
    ///     because libvirt forgets reasons when it is started anew.
    init(state: Int32, reason: Int32, hasSavedMemory: Bool) {
        switch UInt32(bitPattern: state) {
        case VIR_DOMAIN_SHUTOFF.rawValue:
            self.init(
                .shutOff, end: Self.end(UInt32(bitPattern: reason), hasSavedMemory),
                Self.stay(UInt32(bitPattern: reason), hasSavedMemory))
        case VIR_DOMAIN_CRASHED.rawValue: self.init(.crashed, end: .unknown, .here)
        // So is one whose memory is still arriving from another host.
        case VIR_DOMAIN_PAUSED.rawValue: self.init(.paused, end: nil, .untold)
        case VIR_DOMAIN_PMSUSPENDED.rawValue: self.init(.paused, end: nil, .here)
        case VIR_DOMAIN_NOSTATE.rawValue: self.init(.running, end: nil, .untold)
        default: self.init(.running, end: nil, .here)
        }
    }

    private init(_ state: PowerState, end: GuestEnd?, _ stay: Stay) {
        self.state = state
        self.end = end
        self.stay = stay
    }

    /// The same of a guest of which somebody else remembers that it was migrated.
    func migrated(mark: String) -> DomainPower { DomainPower(state, end: .migrated(mark: mark), .away) }

    private static func end(_ reason: UInt32, _ hasSavedMemory: Bool) -> GuestEnd {
        if reason == VIR_DOMAIN_SHUTOFF_MIGRATED.rawValue { return .migrated(mark: nil) }
        if hasSavedMemory { return .saved }
        switch reason {
        case VIR_DOMAIN_SHUTOFF_SHUTDOWN.rawValue: return .shutDown
        default: return .unknown
        }
    }

    private static func stay(_ reason: UInt32, _ hasSavedMemory: Bool) -> Stay {
        switch reason {
        case VIR_DOMAIN_SHUTOFF_MIGRATED.rawValue: .away
        case VIR_DOMAIN_SHUTOFF_SHUTDOWN.rawValue, VIR_DOMAIN_SHUTOFF_SAVED.rawValue,
            VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT.rawValue:
            .here
        // A start drops such memory, so it is younger than anything else.
        default: hasSavedMemory ? .here : .untold
        }
    }
}
