/// How a guest that had to end ended.
package struct StoppedGuest: Sendable, Hashable {
    /// False: it was off already.
    package let wasRunning: Bool
    /// It did not shut down in time and was ended as pulling the plug would.
    package let wasForced: Bool

    package init(wasRunning: Bool, wasForced: Bool) {
        self.wasRunning = wasRunning
        self.wasForced = wasForced
    }
}
