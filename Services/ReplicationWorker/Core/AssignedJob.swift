package import FoundationEssentials
package import Sealing

/// A checked transfer job: one attempt to bring a range of one disk to the target.
package struct AssignedJob: Sendable {
    package enum Kind: Sendable, Equatable {
        /// Every allocated extent; what is zero is left out, because the replica holds zeros there.
        case full
        /// What the bitmap of this context says, and these parts of the range whatever it says, rising.
        case incremental(bitmapContext: String, diverged: [Range<UInt64>])
        /// Whatever differs from what the target holds.
        case compare
    }

    package var key: SlotStateMachine.JobKey
    package var identifier: UUID
    package var protection: String
    package var cycle: UInt64
    package var kind: Kind
    package var diskIndex: UInt16
    package var nbdURI: String
    /// In bytes of the disk.
    package var range: Range<UInt64>
    package var bulkEndpoint: String
    /// 16 bytes.
    package var transferToken: [UInt8]
    package var cycleKey: SealingKey
    package var compression: CompressionPreference
    /// 0: no limit.
    package var bandwidthBytesPerSecond: UInt64
    package var lease: Duration

    package var attempt: UInt32 { key.attempt }
    package var identifierBytes: [UInt8] { withUnsafeBytes(of: identifier.uuid) { [UInt8]($0) } }
}
