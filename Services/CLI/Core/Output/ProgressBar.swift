/// One line that shows how far long work is: what, bar, share, amount, rate, time left.
package enum ProgressBar {
    package static let widestBar = 40
    package static let narrowestBar = 8

    /// ```
    /// seeding web1  ████████████▌·········  62 %  1.2 GiB of 2.0 GiB  210 MiB/s  4 s left
    /// ```
    /// Facts at the end give way first when `width` is small, then the bar itself.
    package static func line(_ title: String, _ estimator: ProgressEstimator, width: Int?) -> String {
        guard let fraction = estimator.fraction else {
            let amount = estimator.done == 0 ? "preparing" : HumanUnits.bytes(estimator.done)
            return DisplayWidth.fitted("\(title)  \(amount)", to: width ?? .max)
        }
        var facts = [
            DisplayWidth.padded(HumanUnits.percent(fraction), to: 5, alignment: .right),
            "\(HumanUnits.bytes(estimator.done)) of \(HumanUnits.bytes(estimator.total))",
        ]
        if let rate = estimator.bytesPerSecond { facts.append(HumanUnits.rate(rate)) }
        if let left = estimator.millisecondsLeft, left > 0 {
            facts.append("\(HumanUnits.duration(milliseconds: max(1_000, left)).replacing(".0 s", with: " s")) left")
        }
        while true {
            let text = facts.joined(separator: "  ")
            let room = (width ?? 100) - DisplayWidth.of(title) - DisplayWidth.of(text) - 4
            if room >= narrowestBar {
                return "\(title)  \(bar(fraction, width: min(widestBar, room)))  \(text)"
            }
            if facts.count == 1 { return DisplayWidth.fitted("\(title)  \(text)", to: width ?? .max) }
            facts.removeLast()
        }
    }

    /// Eighths of a block, so that slow work is seen to move.
    package static func bar(_ fraction: Double, width: Int) -> String {
        let eighths = Int(min(max(fraction, 0), 1) * Double(width) * 8)
        let partial = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
        let filled = String(repeating: "█", count: eighths / 8) + partial
        return DisplayWidth.padded(filled, to: width, alignment: .left).replacing(" ", with: "·")
    }
}
