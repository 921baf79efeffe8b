/// How a worker introduces a transfer.
package struct BulkHello: Hashable, Sendable {
    /// 16 bytes, from `CycleOpened.transfer_token`.
    package var token: [UInt8]
    /// 16 bytes: the job's UUID.
    package var job: [UInt8]
    package var attempt: UInt32

    package init(token: [UInt8], job: [UInt8], attempt: UInt32) {
        self.token = token
        self.job = job
        self.attempt = attempt
    }
}
