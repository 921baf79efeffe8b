extension XMLElement {
    /// Replaces each child element by what `body` answers; nil removes it. Text stays.
    mutating func mapElements(_ body: (XMLElement) throws -> XMLElement?) rethrows {
        content = try content.compactMap { item in
            switch item {
            case .element(let element): try body(element).map { .element($0) }
            case .text: item
            }
        }
    }

    mutating func remove(_ names: Set<String>) {
        mapElements { names.contains($0.name) ? nil : $0 }
    }

    /// Keeps only children of these names.
    mutating func keep(_ names: Set<String>) {
        mapElements { names.contains($0.name) ? $0 : nil }
    }

    /// Takes the place of the first child of the same name, or is added at the end.
    mutating func set(_ element: XMLElement) {
        var isPlaced = false
        mapElements { child in
            guard child.name == element.name else { return child }
            defer { isPlaced = true }
            return isPlaced ? child : element
        }
        if !isPlaced { append(element) }
    }

    mutating func append(_ element: XMLElement) { content.append(.element(element)) }

    /// Changes every child of a name in place.
    mutating func edit(_ name: String, _ body: (inout XMLElement) throws -> Void) rethrows {
        try mapElements { child in
            guard child.name == name else { return child }
            var changed = child
            try body(&changed)
            return changed
        }
    }

    /// Without white space between elements, so that removed ones leave no holes. Elements that hold text alone keep it.
    var compacted: XMLElement {
        var result = self
        let hasElements = !elements.isEmpty
        result.content = content.compactMap { item in
            switch item {
            case .element(let element): .element(element.compacted)
            case .text(let text): hasElements && text.allSatisfy(\.isWhitespace) ? nil : item
            }
        }
        return result
    }
}
