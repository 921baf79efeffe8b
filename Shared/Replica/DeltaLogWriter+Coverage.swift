// Stands in until DeltaLog offers these.
import DeltaLog
func bascule_punch_hole(_ d: Int32, _ o: Int64, _ l: Int64) -> Int32 { fatalError("not built yet") }
extension DeltaLogWriter {
    func uncoveredRanges(ofDisk: UInt16, in range: Range<UInt64>, attempts: [UInt32]) throws -> [Range<UInt64>] { fatalError("not built yet") }
}
