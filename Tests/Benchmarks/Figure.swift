import Foundation

/// One figure of the report: our samples, the peer's where there is one, and what we aim at.
///
/// Samples of both sides come from alternating rounds of one run, so that a slow minute of the machine hits both.
struct Figure: Codable {
    struct Spread: Codable {
        var median: Double
        var minimum: Double
        var maximum: Double
        /// The sample that 99 of 100 do not exceed; with few samples the largest.
        var percentile99: Double
        var samples: [Double]

        init(_ samples: [Double]) {
            precondition(!samples.isEmpty, "a figure without a sample was not measured")
            let sorted = samples.sorted()
            let middle = sorted.count / 2
            median = sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
            minimum = sorted[0]
            maximum = sorted[sorted.count - 1]
            percentile99 = sorted[min(sorted.count - 1, sorted.count * 99 / 100)]
            self.samples = samples
        }
    }

    /// What `aim` limits.
    enum Subject: String, Codable {
        case ratio, median, percentile99, maximum
        /// The only one that the median should not fall below.
        case floor
    }

    var name: String
    var unit: String
    var ours: Spread
    var peer: Spread?
    var peerName: String?
    /// Median of ours over median of the peer's.
    var ratio: Double?
    var aim: Double
    var aimIs: Subject
    var met: Bool
    var note: String
    /// Of which commit and when; set by the report. A report may hold figures of several runs.
    var commit: String?
    var measuredUnixSeconds: Int?

    init(
        _ name: String, unit: String, ours: [Double], peer: [Double]? = nil, peerName: String? = nil,
        atMost aim: Double, of subject: Subject, note: String = ""
    ) {
        self.name = name
        self.unit = unit
        self.ours = Spread(ours)
        self.peer = peer.map(Spread.init)
        self.peerName = peerName
        ratio = self.peer.map { [ours = self.ours] in ours.median / $0.median }
        self.aim = aim
        aimIs = subject
        switch subject {
        case .ratio:
            guard let ratio else { preconditionFailure("an aim for a ratio needs a peer") }
            met = ratio <= aim
        case .median: met = self.ours.median <= aim
        case .percentile99: met = self.ours.percentile99 <= aim
        case .maximum: met = self.ours.maximum <= aim
        case .floor: preconditionFailure("a floor is an aim of its own: atLeast")
        }
        self.note = note
    }

    /// More is better.
    init(_ name: String, unit: String, ours: [Double], atLeast aim: Double, note: String = "") {
        self.name = name
        self.unit = unit
        self.ours = Spread(ours)
        self.aim = aim
        aimIs = .floor
        met = self.ours.median >= aim
        self.note = note
    }

    /// One line for a terminal.
    var line: String {
        func text(_ value: Double) -> String { String(format: value < 10 ? "%.2f" : "%.0f", value) }
        var line = "\(name): \(text(ours.median)) \(unit) (\(text(ours.minimum))–\(text(ours.maximum)))"
        if case .percentile99 = aimIs { line += ", 99th percentile \(text(ours.percentile99)) \(unit)" }
        if let peer, let peerName, let ratio {
            line += ", \(peerName) \(text(peer.median)) \(unit) (\(text(peer.minimum))–\(text(peer.maximum)))"
            line += ", ratio \(String(format: "%.2f", ratio))"
        }
        let limit = aimIs == .floor ? "median at least" : "\(aimIs.rawValue) at most"
        return line + "; aim: \(limit) \(text(aim)): \(met ? "met" : "MISSED")"
    }
}
