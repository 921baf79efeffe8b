import Foundation
import Synchronization
import Testing

/// A stock NBD server for one test, on a UNIX socket in a directory that goes with it.
final class NBDServerProcess: Sendable {
    static let isAvailable =
        FileManager.default.isExecutableFile(atPath: "/usr/bin/qemu-nbd")
        && FileManager.default.isExecutableFile(atPath: "/usr/bin/qemu-img")
    static let hasNbdkit =
        FileManager.default.isExecutableFile(atPath: "/usr/bin/nbdkit")
        || FileManager.default.isExecutableFile(atPath: "/usr/sbin/nbdkit")

    let directory: String
    private let process: Mutex<Process?> = Mutex(nil)

    var uri: String { "nbd+unix:///?socket=\(directory)/s" }

    init() throws {
        directory = "/tmp/bsc-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    }

    @discardableResult
    static func run(_ arguments: String...) throws -> Data {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(arguments) failed")
        return data
    }

    /// A qcow2 image of `sizeBytes`, with `writes` done by qemu-io ("write -P 7 0 64k").
    func makeImage(_ name: String = "a.qcow2", size: String, commands: [String] = []) throws -> String {
        let path = "\(directory)/\(name)"
        try Self.run("qemu-img", "create", "-q", "-f", "qcow2", path, size)
        for command in commands { try io(path, command) }
        return path
    }

    func io(_ path: String, _ command: String) throws {
        try Self.run("qemu-io", "-f", "qcow2", "-c", command, path)
    }

    /// Starts a server and waits until its socket accepts.
    func start(_ arguments: String...) async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        try process.run()
        self.process.withLock { $0 = process }
        try await waitUntil("the server listens") { Self.accepts("\(self.directory)/s") }
    }

    func signal(_ number: Int32) {
        process.withLock { process in
            if let process { kill(process.processIdentifier, number) }
        }
    }

    func stop() throws {
        process.withLock { process in
            guard let process else { return }
            kill(process.processIdentifier, SIGCONT)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        try FileManager.default.removeItem(atPath: directory)
    }

    private static func accepts(_ path: String) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }
}

/// Asks again until it holds, for at most a minute.
func waitUntil(_ what: String, _ holds: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try await !holds() {
        try #require(ContinuousClock.now < deadline, "waited in vain until \(what)")
        // A moment, because what is waited for happens in another process.
        try await Task.sleep(for: .milliseconds(2))
    }
}
