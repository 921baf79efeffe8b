/// That a guest which was started from a recovery point answered: who says so, and since when.
package struct PointVerification: Sendable, Hashable {
    package enum Witness: UInt8, Sendable, Hashable {
        /// The guest agent inside the guest that was started from the point.
        case guestAgent = 1
        /// Whoever looked at that guest.
        case `operator` = 2
    }

    package var witness: Witness
    /// Of the replica's host.
    package var unixMilliseconds: Int64

    package init(_ witness: Witness, unixMilliseconds: Int64) {
        self.witness = witness
        self.unixMilliseconds = unixMilliseconds
    }
}
