import Glibc

/// Runs stock programs that this library needs.
package enum Program {
    /// Runs a program to its end and answers what it said; an exit code other than 0 is an error. Blocks.
    @discardableResult
    package static func run(
        _ program: String, _ arguments: [String], within limit: Duration = HypervisorLimits.programTime
    ) throws -> String {
        let result = try ChildProcess(program, arguments).waitUntilEnd(within: limit)
        guard result.exitCode == 0, !result.isLate else {
            throw HypervisorError(
                .programFailed,
                result.isLate ? "\(program) did not end within \(limit)." : "\(program) failed.",
                cause: String(result.output.prefix(500)).split(separator: "\n").joined(separator: "; "))
        }
        return result.output
    }

    /// The same of a program that changes nothing and whose answer is read: what it says on its standard error, as a warning,
    /// is no part of that. Blocks.
    package static func answer(
        _ program: String, _ arguments: [String], within limit: Duration = HypervisorLimits.programTime
    ) throws -> String {
        let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { if nowhere >= 0 { close(nowhere) } }
        if nowhere >= 0 {
            let result = try ChildProcess(program, arguments, errors: nowhere).waitUntilEnd(within: limit)
            if result.exitCode == 0, !result.isLate { return result.output }
        }
        // Once more, for what it says of it.
        return try run(program, arguments, within: limit)
    }

    /// Whether a program is found where programs are looked for.
    package static func isInstalled(_ program: String) -> Bool {
        ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].contains {
            access("\($0)/\(program)", X_OK) == 0
        }
    }
}
