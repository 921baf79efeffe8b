import Foundation
import Testing

/// A service with its sample settings, and the settings that its own help tells of.
struct ServiceSample: Sendable, CustomTestStringConvertible {
    /// `vault` of `bascule-vault`.
    var name: String

    static let all = ["vault", "policy", "orchestrator", "worker", "agent"].map(ServiceSample.init)

    var program: String { "bascule-\(name)" }
    var file: String { "Services/Installation/settings/\(name).yaml" }
    var testDescription: String { program }

    /// What holds without a line for it; nil: the service wants one.
    func keys() throws -> [String: String?] {
        let help = try BuiltPrograms.run("\(BuiltPrograms.folder)/\(program)", ["serve", "--help"])
        let own = help.status == 0 ? help : try BuiltPrograms.run("\(BuiltPrograms.folder)/\(program)", ["--help"])
        // The terminal's width breaks lines, so they are put together again: a key begins one with two spaces.
        var lines: [String] = []
        for line in own.output.components(separatedBy: "\n").drop(while: { !$0.hasPrefix("SETTINGS") }).dropFirst() {
            if line.isEmpty || line.hasPrefix("USAGE") { break }
            if line.wholeMatch(of: /[ ]{2}[a-zA-Z]+ .*/) != nil {
                lines.append(line)
            } else if let last = lines.indices.last {
                lines[last] += " " + line.drop { $0 == " " }
            }
        }
        var keys: [String: String?] = [:]
        for line in lines {
            let name = String(line.dropFirst(2).prefix { $0 != " " })
            if line.hasSuffix("(required)") {
                keys[name] = .some(nil)
            } else if line.hasSuffix("(empty)") {
                keys[name] = ""
            } else if let standard = line.firstMatch(of: /\(standard: (.*)\)$/)?.output.1 {
                keys[name] = String(standard)
            }
        }
        return keys
    }

    struct Line {
        var key: String
        var value: String
        /// `#key: value` shows what holds without it.
        var isRemark: Bool
    }

    /// The lines of a settings file that have a key, set or shown.
    static func lines(of text: String) -> [Line] {
        text.split(separator: "\n").compactMap { line in
            guard let match = line.wholeMatch(of: /(#?)([a-zA-Z]+): (.*)/) else { return nil }
            let value = String(match.output.3)
            return Line(
                key: String(match.output.2), value: value == "\"\"" ? "" : value, isRemark: !match.output.1.isEmpty)
        }
    }
}
