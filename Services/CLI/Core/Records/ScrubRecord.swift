/// How far the verification of a replica is, and what it found.
package struct ScrubRecord: Sendable, Equatable, Codable {
    package var finished: Bool
    package var checkedBytes: UInt64
    package var totalBytes: UInt64
    package var faultCount: UInt64
    /// The first of them, at most 100.
    package var faults: [String]
}
