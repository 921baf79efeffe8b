/// A run in lines for people: what it is, its steps, and what came of it.
package struct RunReport: Sendable {
    package let run: RunRecord

    package init(_ run: RunRecord) { self.run = run }

    /// What it would do, before anything is done.
    package func plan(width: Int?) -> [String] {
        var lines = ["\(heading). This will be done:"]
        lines += run.steps.map { "  \($0.number). \($0.title)" }
        lines += run.warnings.map { "  warning: \($0)" }
        if !run.sentence.isEmpty { lines.append("  \(run.sentence)") }
        return lines.map { DisplayWidth.fitted($0, to: width ?? .max) }
    }

    /// The whole report. `progress` is of the step under way, when its bytes are known.
    package func lines(width: Int?, styled: Bool, progress: ProgressEstimator? = nil) -> [String] {
        [fitted("\(heading)\(run.id.isEmpty ? "" : " (run \(run.shortID))")", .heading, width, styled)]
            + run.steps.map { line(of: $0, width: width, styled: styled, progress: progress) }
            + summary(width: width, styled: styled)
    }

    /// One step: how it stands, what it is, how long it took.
    package func line(
        of step: RunRecord.Step, width: Int?, styled: Bool, progress: ProgressEstimator? = nil
    ) -> String {
        let (mark, style) = Self.mark(of: step.state)
        let title = "  \(mark) \(step.title)"
        if step.state == .running, let progress, progress.total > 0 {
            return ProgressBar.line(title, progress, width: width)
        }
        var facts: [String] = []
        if let duration = step.durationMilliseconds, step.state != .pending {
            facts.append(HumanUnits.duration(milliseconds: duration))
        }
        if step.totalBytes > 0, step.state == .done { facts.append(HumanUnits.bytes(step.totalBytes)) }
        if step.attempts > 1 { facts.append("try \(step.attempts)") }
        if !step.detail.isEmpty { facts.append(step.detail) }
        return fitted(([title] + facts).joined(separator: "  "), style, width, styled)
    }

    /// What came of it, or what it waits for.
    package func summary(width: Int?, styled: Bool) -> [String] {
        var lines: [(String, TextStyle)] = run.warnings.map { ("warning: \($0)", .warning) }
        var facts: [String] = []
        if run.cycle > 0 {
            let time = HumanUnits.time(unixMilliseconds: run.capturedUnixMilliseconds)
            facts.append("point \(run.cycle)\(run.capturedUnixMilliseconds > 0 ? " of \(time)" : "")")
        }
        if let rpo = run.rpoMilliseconds { facts.append("RPO \(HumanUnits.duration(milliseconds: rpo))") }
        if let rto = run.rtoMilliseconds { facts.append("RTO \(HumanUnits.duration(milliseconds: rto))") }
        if !run.startedGuest.isEmpty { facts.append("\(run.startedGuest) runs at \(run.toHost)") }
        if !facts.isEmpty { lines.append((facts.joined(separator: ", "), .plain)) }
        let said = [run.sentence, run.remedy].filter { !$0.isEmpty }.joined(separator: " ")
        if run.state != .running {
            lines.append(("\(run.state.rawValue)\(said.isEmpty ? "" : ": \(said)")", run.state.style))
        }
        // Broken into lines, and never cut, because the remedy comes last.
        return lines.flatMap { text, style in
            let told = DisplayWidth.wrapped(text, to: width ?? .max, first: "  ", others: "    ")
            return styled ? told.map(style.applied(to:)) : told
        }
    }

    private var heading: String {
        let guest = run.guest.isEmpty ? run.protection : run.guest
        let way = run.fromHost.isEmpty || run.toHost.isEmpty ? "" : ": \(run.fromHost) → \(run.toHost)"
        let words = run.kind.words
        return "\(words.prefix(1).uppercased())\(words.dropFirst()) of \(guest)\(way)"
    }

    private func fitted(_ text: String, _ style: TextStyle, _ width: Int?, _ styled: Bool) -> String {
        let text = DisplayWidth.fitted(text, to: width ?? .max)
        return styled ? style.applied(to: text) : text
    }

    private static func mark(of state: RunRecord.Step.State) -> (String, TextStyle) {
        switch state {
        case .pending: ("·", .dim)
        case .running: ("▸", .plain)
        case .done: ("✓", .good)
        case .skipped: ("–", .dim)
        case .failed: ("✗", .bad)
        case .undone: ("↩", .warning)
        case .unknown: ("?", .dim)
        }
    }
}
