package enum CaptureKind: Sendable, Hashable {
    /// Everything that is allocated; tracking begins.
    case full
    /// What changed since the parent cycle, or a little more.
    case incremental(parentCycle: UInt64)
    /// Everything, to be compared with the target; tracking begins anew.
    case compare
}
