import Foundation
import Testing

@testable import BlockDevice

@Suite(.enabled(if: NBDServerProcess.isAvailable, "needs qemu-nbd and qemu-img (apt install qemu-utils)"))
struct HandshakeLockTests {
    /// A server whose socket has the file beside it that captures have.
    private func withServer(_ body: (NBDServerProcess, _ socket: String) async throws -> Void) async throws {
        let server = try NBDServerProcess()
        do {
            let image = try server.makeImage(size: "1M")
            let socket = "\(server.directory)/s"
            #expect(FileManager.default.createFile(atPath: HandshakeLock.file(ofSocket: socket), contents: nil))
            try await server.start("qemu-nbd", "-r", "-t", "-e", "16", "-f", "qcow2", "-k", socket, image)
            try await body(server, socket)
        } catch {
            try server.stop()
            throw error
        }
        try server.stop()
    }

    @Test func nobodyHoldsItOnceAConnectionIsThere() async throws {
        try await withServer { server, socket in
            let reader = try await NBDConnector(options: .init(connections: 4)).connect(uri: server.uri, contexts: [])
            #expect(HandshakeLock.wait(ofSocket: socket, within: .zero))
            await reader.close()
        }
    }

    @Test func itIsHeldWhileTheServerHasNotAnsweredAndGivenBackWhenItAnswers() async throws {
        try await withServer { server, socket in
            server.signal(SIGSTOP)
            async let connected = NBDConnector().connect(uri: server.uri, contexts: [])
            try await waitUntil("somebody connects") { !HandshakeLock.wait(ofSocket: socket, within: .zero) }
            #expect(!HandshakeLock.wait(ofSocket: socket, within: .milliseconds(100)))
            server.signal(SIGCONT)
            #expect(HandshakeLock.wait(ofSocket: socket, within: .seconds(30)))
            try await connected.close()
        }
    }

    @Test func aConnectionThatIsGivenUpHoldsItNoMore() async throws {
        try await withServer { server, socket in
            server.signal(SIGSTOP)
            let connector = NBDConnector(options: .init(connectTimeout: .milliseconds(100)))
            await #expect(throws: BlockDeviceError.self) { try await connector.connect(uri: server.uri, contexts: []) }
            #expect(HandshakeLock.wait(ofSocket: socket, within: .zero))
        }
    }

    @Test func nobodyConnectsToACaptureThatEnds() async throws {
        try await withServer { server, socket in
            let lock = open(HandshakeLock.file(ofSocket: socket), O_RDONLY | O_CLOEXEC)
            defer { close(lock) }
            #expect(flock(lock, LOCK_EX) == 0)
            await #expect {
                try await NBDConnector().connect(uri: server.uri, contexts: [])
            } throws: { error in
                (error as? BlockDeviceError)?.code == .connectFailed && "\(error)".contains("its capture ends")
            }
            #expect(flock(lock, LOCK_UN) == 0)
            try await NBDConnector().connect(uri: server.uri, contexts: []).close()
        }
    }

    @Test func aSocketWithoutTheFileIsConnectedToAndNotWaitedFor() async throws {
        try await withServer { server, socket in
            unlink(HandshakeLock.file(ofSocket: socket))
            server.signal(SIGSTOP)
            async let connected = NBDConnector().connect(uri: server.uri, contexts: [])
            #expect(HandshakeLock.wait(ofSocket: socket, within: .zero))
            server.signal(SIGCONT)
            try await connected.close()
        }
    }

    /// A link that leads to itself.
    @Test func aFileThatCanNotBeOpenedIsSaidAndTakenForALock() async throws {
        try await withServer { server, socket in
            let file = HandshakeLock.file(ofSocket: socket)
            #expect(unlink(file) == 0 && symlink(file, file) == 0)
            #expect(!HandshakeLock.wait(ofSocket: socket, within: .zero))
            await #expect {
                try await NBDConnector().connect(uri: server.uri, contexts: [])
            } throws: { error in
                (error as? BlockDeviceError)?.code == .connectFailed && "\(error)".contains("\(file) can not be opened")
            }
        }
    }
}
