/// Points that are no longer what they were, because somebody else wrote to an adopted image that they rest on: every
/// one up to a cycle. The first cycle after it compares, and its point is right again.
package struct SpoiltPoints: Sendable, Hashable {
    /// The newest of them.
    package var cycle: UInt64
    /// What happened, to what: one sentence for people.
    package var reason: String

    package init(cycle: UInt64, reason: String) {
        self.cycle = cycle
        self.reason = reason
    }
}
