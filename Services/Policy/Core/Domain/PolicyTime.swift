/// An instant of this service's own clock: milliseconds since 1970.
///
/// The driver reads the wall clock once, at start, and advances it by the monotonic clock, because a stepped wall clock
/// must neither make cycles due nor end leases. Only the hour of a bandwidth schedule is that of the wall clock as it is,
/// because people mean that, and a machine's clock is often set only after its services have started. So instants compare exactly within one run and nearly between runs.
/// Instants of other machines' clocks are never this type; they stay plain integers that are only shown.
struct PolicyTime: Hashable, Comparable, Sendable {
    var milliseconds: Int64

    static func < (left: PolicyTime, right: PolicyTime) -> Bool { left.milliseconds < right.milliseconds }

    static func + (instant: PolicyTime, milliseconds: Int64) -> PolicyTime {
        PolicyTime(milliseconds: instant.milliseconds + milliseconds)
    }

    /// Milliseconds from `right` to `left`.
    static func - (left: PolicyTime, right: PolicyTime) -> Int64 { left.milliseconds - right.milliseconds }

    static func seconds(_ seconds: Int64) -> PolicyTime { PolicyTime(milliseconds: seconds * 1_000) }
}
