import Messages

/// Where the time of a run went, by the times of its own steps.
enum RunTimes {
    /// "rto 812 ms: check 35, choose-point 12, start-test 760".
    static func line(_ run: Run) -> String {
        let steps = run.steps.filter { $0.endedUnixMs > 0 }
            .map { "\($0.name) \($0.endedUnixMs - $0.startedUnixMs)" }
        return "rto \(run.rtoMs) ms: \(steps.joined(separator: ", "))"
    }

    /// Milliseconds of one step over several runs: "start-test 310–2400".
    static func spread(_ runs: [Run]) -> String {
        var names: [String] = []
        var milliseconds: [String: [Int64]] = [:]
        for step in runs.flatMap(\.steps) where step.endedUnixMs > 0 {
            if milliseconds[step.name] == nil { names.append(step.name) }
            milliseconds[step.name, default: []].append(step.endedUnixMs - step.startedUnixMs)
        }
        return names.map { name in
            let seen = milliseconds[name] ?? []
            return "\(name) \(seen.min() ?? 0)–\(seen.max() ?? 0) ms"
        }.joined(separator: ", ")
    }
}
