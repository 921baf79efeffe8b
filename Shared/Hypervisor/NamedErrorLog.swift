import Foundation

/// What a log file says that an error of libvirt refers to: "Check error log '…' for details".
///
/// libvirt says so of swtpm_setup and swtpm, whose reasons stand there alone.
enum NamedErrorLog {
    /// `words`, with the last lines of the log that they name when there is one to be read.
    static func completing(_ words: String) -> String {
        guard let path = path(in: words), let tail = tail(of: path) else { return words }
        let lines = lastWords(of: tail)
        return lines.isEmpty ? words : "\(words); it ends with: \(lines.joined(separator: " / "))"
    }

    static func path(in words: String) -> String? {
        guard let mark = words.range(of: "error log '"),
            let end = words[mark.upperBound...].firstIndex(of: "'")
        else { return nil }
        let path = String(words[mark.upperBound..<end])
        return path.hasPrefix("/") ? path : nil
    }

    /// The last bytes of an ordinary file; nil when there is none or it may not be read. It never waits, as it would for
    /// a pipe.
    private static func tail(of path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let start = max(0, status.st_size - off_t(HypervisorLimits.errorLogBytes))
        var bytes = [UInt8](repeating: 0, count: HypervisorLimits.errorLogBytes)
        let count = pread(file, &bytes, bytes.count, start)
        guard count > 0 else { return nil }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// The last lines that say something: no blank ones, and not those by which swtpm_setup says that it began and ended.
    static func lastWords(of text: String) -> [String] {
        let lines = text.split(whereSeparator: \.isNewline).map { line in
            String(String.UnicodeScalarView(line.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }))
                .trimmingCharacters(in: .whitespaces)
        }
        let telling = lines.filter { line in
            !line.isEmpty && !["Starting vTPM", "Ending vTPM"].contains { line.hasPrefix($0) }
        }
        return telling.suffix(HypervisorLimits.errorLogLines).map {
            $0.count <= HypervisorLimits.errorLogLineCharacters
                ? $0 : "\($0.prefix(HypervisorLimits.errorLogLineCharacters))…"
        }
    }
}
