extension XMLElement {
    /// Reads a document as libvirt writes it: elements, attributes, text, CDATA, comments, processing instructions and
    /// the five named entities. Document types are refused, because libvirt never writes one and they let a document
    /// name files. Nesting is bounded by `HypervisorLimits.xmlDepth`.
    ///
    /// Our own reader because Foundation's brings megabytes of ICU and libxml2 into every executable, and its nodes are
    /// neither values nor Sendable.
    package init(parsing text: String) throws {
        var parser = XMLParser(text)
        self = try parser.document()
    }
}

private struct XMLParser {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    mutating func document() throws -> XMLElement {
        try skipProlog()
        let element = try element(depth: 0)
        try skipProlog()
        guard position == bytes.count else { throw failure("text after the end") }
        return element
    }

    private mutating func skipProlog() throws {
        while true {
            skipSpace()
            if starts(with: "<?") {
                try skip(past: "?>")
            } else if starts(with: "<!--") {
                try skip(past: "-->")
            } else {
                return
            }
        }
    }

    private mutating func element(depth: Int) throws -> XMLElement {
        guard depth < HypervisorLimits.xmlDepth else { throw failure("nested too deeply") }
        guard take("<") else { throw failure("an element is missing") }
        let name = try identifier()
        var attributes: [XMLElement.Attribute] = []
        while true {
            skipSpace()
            if take("/>") { return XMLElement(name: name, attributes: attributes, content: []) }
            if take(">") { break }
            let key = try identifier()
            skipSpace()
            guard take("=") else { throw failure("attribute \(key) has no value") }
            skipSpace()
            attributes.append(.init(name: key, value: try quoted()))
        }
        let content = try content(of: name, depth: depth)
        return XMLElement(name: name, attributes: attributes, content: content)
    }

    private mutating func content(of name: String, depth: Int) throws -> [XMLElement.Content] {
        var content: [XMLElement.Content] = []
        while true {
            guard position < bytes.count else { throw failure("element \(name) does not end") }
            if take("</") {
                guard try identifier() == name else { throw failure("element \(name) ends with another name") }
                skipSpace()
                guard take(">") else { throw failure("end of element \(name) does not end") }
                return content
            }
            if starts(with: "<!--") {
                try skip(past: "-->")
            } else if take("<![CDATA[") {
                content.append(.text(try raw(upTo: "]]>")))
            } else if starts(with: "<?") {
                try skip(past: "?>")
            } else if starts(with: "<!") {
                throw failure("a document type is not accepted")
            } else if starts(with: "<") {
                content.append(.element(try element(depth: depth + 1)))
            } else {
                content.append(.text(try text { $0 == UInt8(ascii: "<") }))
            }
        }
    }

    private mutating func quoted() throws -> String {
        for quote in ["'", "\""] where take(quote) {
            let end = quote.utf8.first!
            let value = try text { $0 == end || $0 == UInt8(ascii: "<") }
            guard take(quote) else { throw failure("a quoted value does not end") }
            return value
        }
        throw failure("a value is not quoted")
    }

    /// Text up to a byte for which `ends` holds, with entities replaced.
    private mutating func text(until ends: (UInt8) -> Bool) throws -> String {
        var result: [UInt8] = []
        while position < bytes.count, !ends(bytes[position]) {
            if take("&") {
                result += try entity()
            } else {
                result.append(bytes[position])
                position += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private mutating func entity() throws -> [UInt8] {
        let name = try raw(upTo: ";")
        switch name {
        case "amp": return [UInt8(ascii: "&")]
        case "lt": return [UInt8(ascii: "<")]
        case "gt": return [UInt8(ascii: ">")]
        case "quot": return [UInt8(ascii: "\"")]
        case "apos": return [UInt8(ascii: "'")]
        case let number where number.hasPrefix("#"):
            let isHexadecimal = number.hasPrefix("#x")
            let digits = number.dropFirst(isHexadecimal ? 2 : 1)
            guard let code = UInt32(digits, radix: isHexadecimal ? 16 : 10), let scalar = Unicode.Scalar(code) else {
                throw failure("&\(number); is not a character")
            }
            return Array(String(Character(scalar)).utf8)
        case let other: throw failure("entity &\(other); is not known")
        }
    }

    private mutating func identifier() throws -> String {
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            let isName =
                byte >= 0x80 || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
                || byte == UInt8(ascii: ".") || byte == UInt8(ascii: ":")
            guard isName else { break }
            position += 1
        }
        guard position > start else { throw failure("a name is missing") }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func raw(upTo end: String) throws -> String {
        let start = position
        try skip(past: end)
        return String(decoding: bytes[start..<position - end.utf8.count], as: UTF8.self)
    }

    private mutating func skip(past end: String) throws {
        while position < bytes.count {
            if take(end) { return }
            position += 1
        }
        throw failure("\(end) is missing")
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private func starts(with text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

    private mutating func take(_ text: String) -> Bool {
        guard starts(with: text) else { return false }
        position += text.utf8.count
        return true
    }

    private func failure(_ what: String) -> HypervisorError {
        HypervisorError(.invalidDefinition, "The definition is not well-formed: \(what) at byte \(position).")
    }
}
