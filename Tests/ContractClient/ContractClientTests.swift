import Foundation
import Testing

/// The Python client against real services; `README.md` says what it proves.
@Suite(.timeLimit(.minutes(7))) struct ContractClientTests {
    @Test(
        .enabled(
            if: executables.allSatisfy(isThere),
            "one of Bascule's executables is not built beside the tests; build them all, then repeat"),
        .enabled(
            if: ["protoc", "python3", "nbdkit", "qemu-img", "virsh"].allSatisfy(isOnPath) && geteuid() == 0,
            "needs root, and protobuf-compiler, python3, nbdkit, qemu-utils and libvirt-clients"))
    func messagesAreEnoughToWorkWithBascule() async throws {
        let client = Process()
        client.executableURL = folder.appending(path: "run")
        client.arguments = ["--binaries", Self.binaries]
        let output = Pipe()
        client.standardOutput = output
        client.standardError = output
        try client.run()
        // The script ends by itself within its own time limits, and with it everything that could hold the pipe.
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        client.waitUntilExit()
        #expect(client.terminationStatus == 0, "\(text)")
        #expect(text.contains("statements hold"), "\(text)")
    }

    private let folder = URL(filePath: #filePath).deletingLastPathComponent()

    /// The test runner is somewhere else, but the bundle that it loads lies beside the executables.
    private static let binaries: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(filePath: bundle).resolvingSymlinksInPath().deletingLastPathComponent().path
    }()

    private static let executables = [
        "bascule-vault", "bascule-policy", "bascule-orchestrator", "bascule-agent", "bascule-worker", "bascule",
        "libbascule-view-plugin.so",
    ].map { "\(binaries)/\($0)" }

    private static func isThere(_ path: String) -> Bool { FileManager.default.isReadableFile(atPath: path) }

    private static func isOnPath(_ name: String) -> Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains { isThere("\($0)/\(name)") }
    }
}
