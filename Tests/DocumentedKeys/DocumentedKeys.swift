import Foundation

/// The keys that `JSON.md` promises, read from the page itself: in each row, and in each of its *parts*, every word in type
/// that is no value (values stand between quotation marks) and no option.
package struct DocumentedKeys {
    /// By command, as in the first column: `policy show`.
    package let commands: [String: Set<String>]

    package init() throws {
        var top = URL(filePath: #filePath)
        for _ in 0..<3 { top.deleteLastPathComponent() }
        let page = try String(contentsOf: top.appending(path: "Services/CLI/Documentation/JSON.md"), encoding: .utf8)
        var parts: [String: String] = [:]
        let section = page.components(separatedBy: "\n## Parts\n").last?.components(separatedBy: "\n## ").first ?? ""
        for part in ("\n" + section).components(separatedBy: "\n- *").dropFirst() {
            let name = part.prefix { $0 != "*" }
            parts[String(name)] = String(part.dropFirst(name.count + 2))
        }
        var commands: [String: Set<String>] = [:]
        for line in page.split(separator: "\n") where line.hasPrefix("| `") {
            let columns = line.split(separator: "|", maxSplits: 1).map(String.init)
            guard columns.count == 2 else { continue }
            let keys = Self.keys(in: columns[1], parts)
            for command in Self.words(in: columns[0]) { commands[command] = keys }
        }
        self.commands = commands
    }

    private static func keys(in text: String, _ parts: [String: String]) -> Set<String> {
        var keys = Set(words(in: text).filter { !$0.hasPrefix("\"") && !$0.hasPrefix("-") })
        for match in text.matches(of: /\*([a-z]+)\*/) {
            if let part = parts[String(match.output.1)] { keys.formUnion(Self.keys(in: part, parts)) }
        }
        return keys
    }

    private static func words(in text: String) -> [String] {
        text.matches(of: /`([^`]+)`/).map { String($0.output.1) }
    }

    /// The keys that a document has, whatever they are in. What hangs from `facts`, and the hashes of a proof, are named by
    /// what they are of, and not by the page.
    package static func keys(of document: String) throws -> Set<String> {
        var keys: Set<String> = []
        func walk(_ value: Any) {
            if let list = value as? [Any] { list.forEach(walk) }
            guard let object = value as? [String: Any] else { return }
            for (key, value) in object {
                keys.insert(key)
                if !["facts", "witnessed", "served", "alone"].contains(key) { walk(value) }
            }
        }
        walk(try JSONSerialization.jsonObject(with: Data(document.utf8)))
        return keys
    }
}
