extension BandwidthWindowRecord {
    /// As an operator types it: days, hours, limit. `mon-fri 08:00-18:00 5MiB`, `sat,sun 0-24 unlimited`,
    /// `daily 22:00-06:00 50M`.
    ///
    /// - Throws: `OperatorError` with code `usage`.
    package init(parsing text: String) throws {
        let parts = text.split(whereSeparator: \.isWhitespace).map(String.init)
        guard parts.count == 3, let days = Self.days(parts[0]), let hours = Self.hours(parts[1]) else {
            throw OperatorError(
                .usage, "\"\(text)\" is not days, hours and a limit",
                remedy: "as in: --bandwidth-at \"mon-fri 08:00-18:00 5MiB\"")
        }
        self.init(
            days: days, from: Self.clock(minute: hours.from), to: Self.clock(minute: hours.to),
            bytesPerSecond: try Quantity.bytes(parts[2]))
    }

    /// `Mon–Fri 08:00–18:00 5.0 MiB/s`
    package var words: String {
        let limit = bytesPerSecond == 0 ? "unlimited" : HumanUnits.rate(bytesPerSecond)
        return "\(dayWords) \(from)–\(to) \(limit)"
    }

    private var dayWords: String {
        guard days.count < Day.allCases.count else { return "daily" }
        var spans: [[Day]] = []
        for day in days {
            if let last = spans.last?.last, Day.allCases.firstIndex(of: last).map({ $0 + 1 }) == day.number {
                spans[spans.count - 1].append(day)
            } else {
                spans.append([day])
            }
        }
        return spans.map { span in
            guard let first = span.first, let last = span.last, span.count > 2 else {
                return span.map(\.title).joined(separator: ", ")
            }
            return "\(first.title)–\(last.title)"
        }
        .joined(separator: ", ")
    }

    private static func days(_ text: String) -> [Day]? {
        let text = text.lowercased()
        if text == "daily" { return Day.allCases }
        var chosen: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Day(rawValue: String($0)) }
            switch ends.count {
            case 1:
                guard let day = ends[0] else { return nil }
                chosen.insert(day.number)
            case 2:
                guard let first = ends[0], let last = ends[1] else { return nil }
                // From Saturday to Monday goes over the end of the week.
                let count = (last.number - first.number + 7) % 7
                for step in 0...count { chosen.insert((first.number + step) % 7) }
            default: return nil
            }
        }
        return Day.allCases.filter { chosen.contains($0.number) }
    }

    private static func hours(_ text: String) -> (from: Int, to: Int)? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { minute(ofClock: String($0)) }
        guard ends.count == 2, let from = ends[0], let to = ends[1], from < 1_440, from != to, to > 0 else {
            return nil
        }
        return (from, to)
    }

    /// Of the day: `8`, `08`, `8:30`, `24:00`.
    static func minute(ofClock text: String) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ (1...2).contains($0.count) }),
            let hour = UInt8(parts[0]), let minute = parts.count == 1 ? 0 : UInt8(parts[1]), minute < 60
        else { return nil }
        let whole = Int(hour) * 60 + Int(minute)
        return whole <= 1_440 ? whole : nil
    }

    static func clock(minute: Int) -> String {
        let digits = [minute / 600, minute / 60 % 10, minute % 60 / 10, minute % 10].map(String.init)
        return "\(digits[0])\(digits[1]):\(digits[2])\(digits[3])"
    }
}

extension BandwidthWindowRecord.Day {
    /// 0 for Monday.
    var number: Int {
        switch self {
        case .mon: 0
        case .tue: 1
        case .wed: 2
        case .thu: 3
        case .fri: 4
        case .sat: 5
        case .sun: 6
        }
    }

    var title: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }
}
