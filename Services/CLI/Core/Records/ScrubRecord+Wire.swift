package import Messages

extension ScrubRecord {
    package init(wire: ScrubProgress) {
        self.init(
            finished: wire.finished, checkedBytes: wire.checkedBytes, totalBytes: wire.totalBytes,
            faultCount: wire.faultCount, faults: wire.faults)
    }
}
