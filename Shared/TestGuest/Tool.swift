import Foundation

/// Runs a tool to its end and gives what it printed. For short-lived ones: image building, not services.
enum Tool {
    /// - Throws: `TestGuestError` with code `missing` or `toolFailed`.
    @discardableResult
    static func run(_ words: [String], in folder: String? = nil) throws -> String {
        let folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        let candidates = folders.map { (folder: String) -> String in folder + "/" + words[0] }
        guard let executable = candidates.first(where: { access($0, X_OK) == 0 })
        else {
            throw TestGuestError(
                .missing, "\(words[0]) is not installed", remedy: "run Scripts/install-prerequisites")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = Array(words.dropFirst())
        if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw TestGuestError(
                .toolFailed, "\(words.joined(separator: " ")) failed: \(text.suffix(500))",
                remedy: "run it by hand to see why")
        }
        return text
    }
}
