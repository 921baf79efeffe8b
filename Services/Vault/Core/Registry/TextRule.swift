/// What a text that a peer or a person gave may hold. Everything that is stored passes one of these first.
enum TextRule {
    /// Sites, clouds, hosts and policies. No spaces or control characters, because names stand in tables and paths.
    static func checkName(_ name: String, of noun: String) throws(VaultError) {
        let bytes = name.utf8
        guard let first = bytes.first else {
            throw VaultError(.invalidArgument, "A \(noun) needs a name.", remedy: nameRemedy)
        }
        guard bytes.count <= VaultLimits.maximumNameBytes, isLetterOrDigit(first), bytes.allSatisfy(isNameByte) else {
            throw VaultError(
                .invalidArgument, "\(quoted(name)) is not a name that a \(noun) can have.", remedy: nameRemedy)
        }
    }

    /// A name, or nothing.
    static func checkOptionalName(_ name: String, of noun: String) throws(VaultError) {
        if !name.isEmpty { try checkName(name, of: noun) }
    }

    /// Free text of one line.
    static func checkText(_ text: String, _ noun: String, maximumBytes: Int) throws(VaultError) {
        guard text.utf8.count <= maximumBytes else {
            throw VaultError(
                .invalidArgument, "The \(noun) is \(text.utf8.count) bytes long.",
                remedy: "Give at most \(maximumBytes) bytes.")
        }
        guard !text.unicodeScalars.contains(where: isControl) else {
            throw VaultError(
                .invalidArgument, "The \(noun) \(quoted(text)) holds control characters.", remedy: "Leave them out.")
        }
    }

    /// Where a ROUTER listens.
    static func checkEndpoint(_ endpoint: String) throws(VaultError) {
        try checkText(endpoint, "control endpoint", maximumBytes: VaultLimits.maximumEndpointBytes)
        let schemes = ["tcp://", "ipc://", "inproc://"]
        guard schemes.contains(where: { endpoint.hasPrefix($0) && endpoint.utf8.count > $0.utf8.count }) else {
            throw VaultError(
                .invalidArgument, "\(quoted(endpoint)) is not an endpoint.",
                remedy: "Give one such as tcp://192.0.2.7:7721.")
        }
    }

    /// `text` for a sentence: in quotes, cut to a bearable length, without what would break a line.
    static func quoted(_ text: String) -> String {
        "“\(cut(text))”"
    }

    /// `text` as it may stand in a line of the audit.
    static func cut(_ text: String) -> String {
        let most = VaultLimits.maximumQuotedScalars
        let cut = text.unicodeScalars.prefix(most).map { isControl($0) ? "\u{FFFD}" : String($0) }.joined()
        return text.unicodeScalars.count > most ? cut + "…" : cut
    }

    /// `text` as one line of at most so many bytes. For reasons, which are for people: a state change is not worth
    /// refusing because somebody explained it at length.
    static func line(_ text: String, maximumBytes: Int) -> String {
        var line = ""
        for scalar in text.unicodeScalars {
            let piece = isControl(scalar) ? " " : String(scalar)
            guard line.utf8.count + piece.utf8.count <= maximumBytes else { break }
            line += piece
        }
        return line
    }

    private static let nameRemedy =
        "Use up to \(VaultLimits.maximumNameBytes) letters, digits, “-”, “_” and “.”, beginning with a letter or digit."

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        isLetterOrDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: false
        }
    }
}
