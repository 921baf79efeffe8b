/// A recovery point as its replica lists it.
package struct PointRecord: Sendable, Equatable, Codable {
    package var cycle: UInt64
    package var capturedUnixMilliseconds: Int64
    package var consistency: CycleRecord.Consistency
    package var verified: Bool
    /// Of its delta log; 0 when the base holds it.
    package var storedBytes: UInt64
    package var changedBytes: UInt64
    /// 32 hexadecimal digits, fixed at commit.
    package var identifier: String
}
