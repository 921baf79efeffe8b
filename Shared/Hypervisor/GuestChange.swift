/// Something happened to a guest: look again.
package struct GuestChange: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case defined
        case undefined
        case started
        case paused
        case resumed
        /// It ended by itself or was asked to.
        case shutDown
        /// It was ended from outside, or QEMU died.
        case destroyed
        /// It went on at another host.
        case migrated
        /// The guest itself reported a crash.
        case crashed
        /// A disk or another device came or went.
        case devicesChanged
        /// The guest agent came or went.
        case guestAgentChanged
        /// An open capture is of no more use; nothing that is read from now on counts.
        case captureLost(protection: String, cycle: UInt64, reason: String)
    }

    package let guest: String
    package let kind: Kind

    package init(guest: String, kind: Kind) {
        self.guest = guest
        self.kind = kind
    }
}
