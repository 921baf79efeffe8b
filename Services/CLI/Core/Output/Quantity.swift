/// Quantities as operators type them: `30s`, `4h`, `100MiB`.
package enum Quantity {
    /// `90`, `90s`, `5m` or `5min`, `4h`, `7d`, `2w`, `0`, `never`. Whole seconds.
    ///
    /// - Throws: `OperatorError` with code `usage`.
    package static func seconds(_ text: String) throws -> UInt32 {
        if text == "never" { return 0 }
        let (number, unit) = split(text)
        let factors: [String: UInt64] = [
            "": 1, "s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400,
        ]
        guard let value = UInt64(number), let factor = factors[unit],
            case let (product, overflow) = value.multipliedReportingOverflow(by: factor), !overflow,
            let seconds = UInt32(exactly: product)
        else {
            throw OperatorError(
                .usage, "\"\(text)\" is not a span of time",
                remedy: "write a whole number with s, m, h, d or w: 30s, 4h")
        }
        return seconds
    }

    /// `1000`, `64K` or `64KiB`, `100M`, `100MiB`, `2G`, `1TiB`, `0`, `unlimited`. Bytes; K, M, G, T count in 1,024.
    ///
    /// - Throws: `OperatorError` with code `usage`.
    package static func bytes(_ text: String) throws -> UInt64 {
        if text == "unlimited" { return 0 }
        let (number, unit) = split(text)
        let letters = ["", "k", "m", "g", "t"]
        let plain = unit.lowercased().replacing("ib", with: "").replacing("b", with: "")
        guard let value = UInt64(number), let power = letters.firstIndex(of: plain),
            case let (product, overflow) = value.multipliedReportingOverflow(by: 1 << (10 * UInt64(power))), !overflow
        else {
            throw OperatorError(
                .usage, "\"\(text)\" is not a size", remedy: "write a whole number with K, M, G or T: 100M, 2GiB")
        }
        return product
    }

    private static func split(_ text: String) -> (number: String, unit: String) {
        let number = text.prefix { $0.isASCII && $0.isNumber }
        return (String(number), text.dropFirst(number.count).trimmingPrefix(while: \.isWhitespace).description)
    }
}
