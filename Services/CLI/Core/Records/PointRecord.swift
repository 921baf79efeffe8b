/// A recovery point as its replica lists it.
package struct PointRecord: Sendable, Equatable, Codable {
    /// Who says that a guest which was started from it answered.
    package enum Witness: String, Sendable, Codable, CaseIterable {
        case guestAgent
        case `operator`
        case unknown

        /// As in a table.
        package var words: String {
            switch self {
            case .guestAgent: "guest agent"
            case .operator: "operator"
            case .unknown: "yes"
            }
        }
    }

    package var cycle: UInt64
    package var capturedUnixMilliseconds: Int64
    package var consistency: CycleRecord.Consistency
    package var verified: Bool
    /// Of its delta log; 0 when the base holds it.
    package var storedBytes: UInt64
    package var changedBytes: UInt64
    /// 32 hexadecimal digits, fixed at commit.
    package var identifier: String
    /// Nil when it is not verified.
    package var verifiedBy: Witness?
    /// The target host's clock; nil when it is not verified.
    package var verifiedUnixMilliseconds: Int64?
}
