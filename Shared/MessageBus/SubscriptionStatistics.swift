/// What a subscription has seen.
package struct SubscriptionStatistics: Equatable, Sendable {
    package var received: UInt64 = 0
    /// Dropped because the reader is slower than the publisher; shows as a gap in the numbers.
    package var dropped: UInt64 = 0
    /// No envelope, wrong version, or not an event.
    package var malformed: UInt64 = 0

    package init() {}
}
