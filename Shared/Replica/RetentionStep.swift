/// One thing to do for retention. Steps are small enough to stop between two of them.
package enum RetentionStep: Sendable, Hashable {
    /// Points before this cycle go; the base takes everything up to it and then is this point.
    case fold(upTo: UInt64)
    /// The logs of these consecutive cycles become one log; only the last of the points stays. At least two, ascending.
    case merge(cycles: [UInt64])
}
