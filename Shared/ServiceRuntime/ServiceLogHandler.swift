internal import FoundationEssentials
internal import Glibc
package import Logging

/// One line on standard error per event: time, level, service, message, then the facts as `name=value`.
///
///     2026-11-23T04:40:00.123Z info vault The vault is open listen=tcp://127.0.0.1:7701
package struct ServiceLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let label: String

    package init(label: String, level: Logger.Level) {
        self.label = label
        logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let facts = metadata.merging(event.metadata ?? [:]) { _, newer in newer }
        let line = Self.line(
            time: Date().ISO8601Format(.iso8601(timeZone: .gmt, includingFractionalSeconds: true)), label: label,
            level: event.level, message: "\(event.message)", facts: facts.mapValues { "\($0)" })
        // One write per line, because several threads and processes share the file.
        line.utf8.withContiguousStorageIfAvailable { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    static func line(
        time: String, label: String, level: Logger.Level, message: String, facts: [String: String]
    ) -> String {
        let facts = facts.sorted { $0.key < $1.key }.map { " \($0.key)=\(quoted($0.value))" }.joined()
        var line = "\(time) \(level.rawValue) \(label) \(oneLine(message))\(facts)\n"
        line.makeContiguousUTF8()
        return line
    }

    private static func quoted(_ value: String) -> String {
        let value = oneLine(value)
        guard value.isEmpty || value.contains(" ") || value.contains("\"") else { return value }
        return "\"\(value.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "'"))\""
    }

    /// What peers say ends up in logs, so nothing of it may begin a new line or speak to a terminal.
    private static func oneLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return text }
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map {
                    $0.properties.generalCategory == .control ? " " : $0
                }))
    }
}
