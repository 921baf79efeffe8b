/// Whether a peer is there. Any valid traffic from it counts as a sign of life.
package enum Liveness: Equatable, Sendable {
    /// Nothing was heard yet.
    case unknown
    case alive
    /// Nothing was heard for longer than the limit; `lastHeard` is nil when it never was.
    case silent(lastHeard: ContinuousClock.Instant?)
}
