import Foundation

/// How busy all cores together were so far; proc(5), /proc/stat.
struct MachineUsage {
    private var busy: Double
    private var all: Double

    init() {
        let text = FileManager.default.contents(atPath: "/proc/stat").map { String(decoding: $0, as: UTF8.self) } ?? ""
        let values = (text.split(separator: "\n").first ?? "").split(separator: " ").dropFirst().compactMap(Double.init)
        // user nice system idle iowait irq softirq steal; guest time is in user already.
        let counted = values.prefix(8)
        all = counted.reduce(0, +)
        busy = all - (values.count > 4 ? values[3] + values[4] : 0)
    }

    /// 1: no core was idle since then.
    func busyShare(since before: MachineUsage) -> Double { (busy - before.busy) / max(1, all - before.all) }
}
