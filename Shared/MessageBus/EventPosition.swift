/// A place in a numbered stream of events. Numbers compare only within one epoch.
package struct EventPosition: Hashable, Sendable {
    /// 16 bytes, new whenever the publisher starts.
    package var epoch: [UInt8]
    /// Of the newest event seen; 0 before the first.
    package var number: UInt64

    package init(epoch: [UInt8], number: UInt64) {
        self.epoch = epoch
        self.number = number
    }
}
