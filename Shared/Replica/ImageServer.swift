import Glibc

/// A qemu-nbd process that serves one adopted image to this process alone, and the connections to it.
///
/// The connections are made to a socket that has no name any more when the process starts; so nobody else can connect,
/// and nothing is left in the file system. Without its connections qemu-nbd ends by itself; when we are killed, the
/// kernel kills it (`BoundProcess`).
final class ImageServer: Sendable {
    enum Access: Sendable {
        /// Without QEMU's locks, so that nobody is kept from writing. Layout.md, "Adopted images", says why it is safe.
        case reading
        /// With QEMU's locks: refused while another process has the image open for writing, a guest above all.
        case writing
    }

    let connections: [BlockConnection]
    private let process: BoundProcess
    private let access: Access

    /// - Parameter beforeRetry: called before an image that somebody else has open is tried again.
    init(_ image: AdoptedImage, access: Access, beforeRetry: () throws -> Void = {}) throws {
        self.access = access
        let deadline = ContinuousClock.now + .seconds(ReplicaLimits.imageLockSeconds)
        while true {
            do {
                (process, connections) = try Self.start(image, access: access)
                return
            } catch let refusal as Refusal {
                // A predecessor that was killed with its owner is gone in moments.
                guard refusal.isLocked, ContinuousClock.now < deadline else { throw refusal.error(image) }
                usleep(20_000)
                try beforeRetry()
            }
        }
    }

    deinit { end() }

    var isDead: Bool { process.hasEnded || connections.contains(where: \.isDead) }

    /// Ends the process and waits for it. Safe to repeat.
    func end() {
        switch access {
        case .reading: process.send(SIGKILL)
        case .writing: for connection in connections { connection.shutdown() }
        }
        _ = process.waitUntilEnd(within: .seconds(ReplicaLimits.imageClosingSeconds))
    }

    private struct Refusal: Error {
        let said: String
        let cause: any Error

        var isLocked: Bool { said.contains("lock") }

        func error(_ image: AdoptedImage) -> ReplicaError {
            ReplicaError(
                isLocked ? .inUse : .system,
                isLocked ? "an adopted image is open elsewhere" : "an adopted image could not be opened",
                remedy: isLocked ? "Shut the guest off that uses it." : "See what QEMU says; check path and format.",
                facts: ["disk": image.target, "path": image.path, "qemu-nbd": said], cause: cause)
        }
    }

    private static func start(
        _ image: AdoptedImage, access: Access
    ) throws -> (BoundProcess, [BlockConnection]) {
        var command = ["qemu-nbd"]
        let count: Int
        switch access {
        case .reading:
            count = ReplicaLimits.servedConnections
            command += ["--read-only", "--shared=\(count)", "--image-opts", image.options(["force-share=on"])]
        case .writing:
            count = 1
            command += ["--discard=unmap", "--image-opts", image.options(["discard=unmap"])]
        }
        let (listener, sockets) = try UnnamedSocket.connected(count)
        let process: BoundProcess
        do {
            defer { Glibc.close(listener) }
            process = try BoundProcess(command, socket: listener)
        } catch {
            for socket in sockets { Glibc.close(socket) }
            throw error
        }
        var connections: [BlockConnection] = []
        for (index, socket) in sockets.enumerated() {
            do {
                connections.append(try BlockConnection(socket: socket))
            } catch {
                for unused in sockets[(index + 1)...] { Glibc.close(unused) }
                process.send(SIGKILL)
                _ = process.waitUntilEnd()
                throw Refusal(said: process.complaint, cause: error)
            }
        }
        return (process, connections)
    }
}
