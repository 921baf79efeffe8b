/// One element of a libvirt document, as a value: attributes and children keep their order, so that what is not
/// understood survives being read and written.
package struct XMLElement: Sendable, Hashable {
    package enum Content: Sendable, Hashable {
        case element(XMLElement)
        case text(String)
    }

    package struct Attribute: Sendable, Hashable {
        package let name: String
        package var value: String
    }

    package var name: String
    package var attributes: [Attribute]
    package var content: [Content]

    package init(_ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ children: [XMLElement] = []) {
        self.name = name
        self.attributes = attributes.map { Attribute(name: $0.key, value: $0.value) }
        content = children.map { .element($0) }
    }

    package init(
        _ name: String, _ attributes: KeyValuePairs<String, String> = [:], text: String
    ) {
        self.init(name, attributes)
        content = [.text(text)]
    }

    init(name: String, attributes: [Attribute], content: [Content]) {
        self.name = name
        self.attributes = attributes
        self.content = content
    }

    /// Value of an attribute; nil when it is absent. Setting nil removes it.
    package subscript(_ attribute: String) -> String? {
        get { attributes.first { $0.name == attribute }?.value }
        set {
            let index = attributes.firstIndex { $0.name == attribute }
            switch (index, newValue) {
            case (let index?, let value?): attributes[index].value = value
            case (let index?, nil): attributes.remove(at: index)
            case (nil, let value?): attributes.append(Attribute(name: attribute, value: value))
            case (nil, nil): break
            }
        }
    }

    package var elements: [XMLElement] {
        content.compactMap { if case .element(let element) = $0 { element } else { nil } }
    }

    /// Text of this element alone, without white space at its ends.
    package var text: String {
        let joined = content.map { if case .text(let text) = $0 { text } else { "" } }.joined()
        return String(joined.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }

    package func all(_ name: String) -> [XMLElement] { elements.filter { $0.name == name } }

    /// First element at a path of names: `first("os", "nvram")`.
    package func first(_ path: String...) -> XMLElement? {
        var current = self
        for name in path {
            guard let next = current.elements.first(where: { $0.name == name }) else { return nil }
            current = next
        }
        return current
    }

    /// The document as text, without a declaration.
    package var serialized: String {
        var result = ""
        write(into: &result)
        return result
    }

    private func write(into result: inout String) {
        result += "<\(name)"
        for attribute in attributes { result += " \(attribute.name)='\(Self.escape(attribute.value))'" }
        guard !content.isEmpty else {
            result += "/>"
            return
        }
        result += ">"
        for item in content {
            switch item {
            case .element(let element): element.write(into: &result)
            case .text(let text): result += Self.escape(text)
            }
        }
        result += "</\(name)>"
    }

    private static func escape(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "'": result += "&apos;"
            case "\"": result += "&quot;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
