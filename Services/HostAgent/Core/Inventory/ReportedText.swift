/// What a report may repeat of a text that somebody else chose: names and paths hold nearly every character, and are of
/// nearly every length.
enum ReportedText {
    /// One line of at most so many bytes of UTF-8, without half a character. Control characters are replaced, because the
    /// vault refuses them; an ellipsis shows what was cut off.
    static func line(_ text: String, maximumBytes: Int) -> String {
        var line = ""
        // Where it ends when it turns out to be too long.
        var bytesBeforeEllipsis = 0
        for scalar in text.unicodeScalars {
            line.unicodeScalars.append(isControl(scalar) ? replacement : scalar)
            let bytes = line.utf8.count
            guard bytes <= maximumBytes else {
                return String(decoding: line.utf8.prefix(bytesBeforeEllipsis), as: UTF8.self) + ellipsis
            }
            if bytes + ellipsis.utf8.count <= maximumBytes { bytesBeforeEllipsis = bytes }
        }
        return line
    }

    private static let replacement: Unicode.Scalar = "\u{FFFD}"
    private static let ellipsis = "…"

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control
    }
}
