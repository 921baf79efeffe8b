import Foundation
import Testing

@testable import BlockDevice

@Suite(.enabled(if: NBDServerProcess.isAvailable, "needs qemu-nbd and qemu-img (apt install qemu-utils)"))
struct NBDBlockReaderTests {
    private func withServer(_ body: (NBDServerProcess) async throws -> Void) async throws {
        let server = try NBDServerProcess()
        do {
            try await body(server)
        } catch {
            try server.stop()
            throw error
        }
        try server.stop()
    }

    private func serve(_ path: String, on server: NBDServerProcess, _ more: String...) async throws {
        // `env` passes the arguments on; a list can not be spread into a variadic call.
        let line = (["exec qemu-nbd -r -t -e 16 -f qcow2 -k \(server.directory)/s"] + more + [path]).joined(
            separator: " ")
        try await server.start("sh", "-c", line)
    }

    @Test func contentsAreWhatStockToolsRead() async throws {
        try await withServer { server in
            let path = try server.makeImage(
                size: "20M", commands: (0..<8).map { "write -q -P \($0 + 1) \($0 * 2_500_000 / 512 * 512) 300k" })
            try await serve(path, on: server)
            try NBDServerProcess.run("nbdcopy", server.uri, "\(server.directory)/raw")
            let expected = try Data(contentsOf: URL(fileURLWithPath: "\(server.directory)/raw"))
            let reader = try await NBDConnector(options: .init(connections: 4)).connect(uri: server.uri, contexts: [])
            for options in [ReadOptions(), ReadOptions(chunkBytes: 4_096, requestsInFlight: 64)] {
                var read = Data()
                try await reader.read([0..<reader.sizeBytes], options: options) { offset, bytes in
                    #expect(offset == UInt64(read.count))
                    read.append(contentsOf: bytes)
                }
                #expect(read == expected)
            }
            await reader.close()
        }
    }

    @Test func dirtyAndAllocatedExtentsAreTold() async throws {
        try await withServer { server in
            let path = try server.makeImage(size: "8G", commands: ["write -q -P 1 0 1M", "write -q -P 1 5G 1M"])
            try NBDServerProcess.run("qemu-img", "bitmap", "--add", path, "b")
            try server.io(path, "write -q -P 2 64k 64k")
            try server.io(path, "discard -q 5G 128k")
            try server.io(path, "write -q -P 2 7G 64k")
            try await serve(path, on: server, "-B", "b")
            let context = BlockContext.dirtyBitmap("b")
            let reader = try await NBDConnector().connect(uri: server.uri, contexts: [context])
            var extents: [ChangedExtent] = []
            try await reader.forEachChangedExtent(in: 0..<reader.sizeBytes, bitmapContext: context) {
                extents.append($0)
            }
            #expect(
                extents == [
                    .init(offset: 65_536, length: 65_536, kind: .data),
                    .init(offset: 5 << 30, length: 131_072, kind: .zero),
                    .init(offset: 7 << 30, length: 65_536, kind: .data),
                ])
            var data: [ChangedExtent] = []
            try await reader.forEachChangedExtent(in: 0..<reader.sizeBytes, bitmapContext: nil) {
                if $0.kind == .data { data.append($0) }
            }
            #expect(data.reduce(0) { $0 + $1.length } == (2 << 20) - 131_072 + 65_536)
            await reader.close()
        }
    }

    @Test func aContextThatIsNotOfferedIsRefusedAtConnect() async throws {
        try await withServer { server in
            try await serve(try server.makeImage(size: "1M"), on: server)
            await #expect {
                try await NBDConnector().connect(uri: server.uri, contexts: ["qemu:dirty-bitmap:x"])
            } throws: {
                ($0 as? BlockDeviceError)?.code == .contextMissing
            }
        }
    }

    @Test func noServerIsSaidAtOnce() async throws {
        await #expect {
            try await NBDConnector().connect(uri: "nbd+unix:///?socket=/nonexistent/s", contexts: [])
        } throws: { ($0 as? BlockDeviceError)?.code == .connectFailed }
        await #expect { try await NBDConnector().connect(uri: "file:///etc/passwd", contexts: []) } throws: {
            ($0 as? BlockDeviceError)?.code == .invalidAddress
        }
    }

    @Test func aServerThatDiesIsALostConnection() async throws {
        try await withServer { server in
            try await serve(try server.makeImage(size: "64M"), on: server)
            let reader = try await NBDConnector().connect(uri: server.uri, contexts: [])
            await #expect {
                try await reader.read([0..<reader.sizeBytes], options: ReadOptions(chunkBytes: 65_536)) { offset, _ in
                    if offset == 0 { server.signal(SIGKILL) }
                }
            } throws: { ($0 as? BlockDeviceError)?.code == .connectionLost }
            await #expect { try await reader.changedExtents(in: 0..<1, bitmapContext: nil) } throws: {
                ($0 as? BlockDeviceError)?.isConnectionLost == true
            }
            await reader.close()
        }
    }

    @Test func aServerThatStallsIsGivenUp() async throws {
        try await withServer { server in
            try await serve(try server.makeImage(size: "64M"), on: server)
            let connector = NBDConnector(options: .init(stallTimeout: .milliseconds(200)))
            let reader = try await connector.connect(uri: server.uri, contexts: [])
            server.signal(SIGSTOP)
            await #expect { try await reader.read([0..<1 << 20], options: ReadOptions()) { _, _ in } } throws: {
                ($0 as? BlockDeviceError)?.code == .stalled
            }
            await reader.close()
        }
    }

    @Test func aServerThatDoesNotAnswerTheGreetingIsGivenUp() async throws {
        try await withServer { server in
            try await serve(try server.makeImage(size: "1M"), on: server)
            server.signal(SIGSTOP)
            let connector = NBDConnector(options: .init(connectTimeout: .milliseconds(200)))
            await #expect { try await connector.connect(uri: server.uri, contexts: []) } throws: {
                ($0 as? BlockDeviceError)?.code == .connectFailed
            }
        }
    }

    @Test(.enabled(if: NBDServerProcess.hasNbdkit, "needs nbdkit"))
    func anErrorOfTheServerLeavesTheReaderUsable() async throws {
        try await withServer { server in
            try await server.start(
                "nbdkit", "-f", "-U", "\(server.directory)/s", "--filter=error", "memory", "1M", "error-pread=EIO",
                "error-pread-rate=100%", "error-file=\(server.directory)/fail")
            let reader = try await NBDConnector().connect(uri: server.uri, contexts: [])
            _ = FileManager.default.createFile(atPath: "\(server.directory)/fail", contents: nil)
            await #expect { try await reader.read([0..<4_096], options: ReadOptions()) { _, _ in } } throws: {
                let error = $0 as? BlockDeviceError
                return error?.code == .serverError && error?.errno == EIO && error?.isConnectionLost == false
            }
            try FileManager.default.removeItem(atPath: "\(server.directory)/fail")
            try await reader.read([0..<4_096], options: ReadOptions()) { _, bytes in #expect(bytes.count == 4_096) }
            await reader.close()
        }
    }

    @Test func garbageInsteadOfAServerIsRefused() async throws {
        try await withServer { server in
            let script =
                "import socket,sys; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()\n"
                + "while True: c,_=s.accept(); c.sendall(b'x'*100); c.close()"
            try await server.start("python3", "-c", script, "\(server.directory)/s")
            await #expect { try await NBDConnector().connect(uri: server.uri, contexts: []) } throws: {
                ($0 as? BlockDeviceError)?.code == .connectFailed
            }
        }
    }

    @Test func aSlowConsumerKeepsBuffersBounded() async throws {
        try await withServer { server in
            try await serve(try server.makeImage(size: "64M"), on: server)
            let reader = try await NBDConnector().connect(uri: server.uri, contexts: [])
            var addresses: Set<UInt> = []
            let options = ReadOptions(chunkBytes: 65_536, requestsInFlight: 4)
            try await reader.read([0..<reader.sizeBytes], options: options) { _, bytes in
                addresses.insert(UInt(bitPattern: bytes.baseAddress))
                await Task.yield()
            }
            #expect(addresses.count <= 4)
            await reader.close()
        }
    }

    @Test func aConsumerThatThrowsEndsTheReadAndNotTheReader() async throws {
        struct Enough: Error {}
        try await withServer { server in
            try await serve(try server.makeImage(size: "64M"), on: server)
            let reader = try await NBDConnector().connect(uri: server.uri, contexts: [])
            await #expect(throws: Enough.self) {
                try await reader.read([0..<reader.sizeBytes], options: ReadOptions()) { _, _ in throw Enough() }
            }
            try await reader.read([0..<4_096], options: ReadOptions()) { _, _ in }
            await reader.close()
        }
    }

    @Test func cancellingAndClosingEndAReadThatWaits() async throws {
        try await withServer { server in
            try await serve(try server.makeImage(size: "64M"), on: server)
            let reader = try await NBDConnector().connect(uri: server.uri, contexts: [])
            server.signal(SIGSTOP)
            let cancelled = Task { try await reader.read([0..<4_096], options: ReadOptions()) { _, _ in } }
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            let waiting = Task { try await reader.read([0..<4_096], options: ReadOptions()) { _, _ in } }
            await reader.close()
            await #expect { try await waiting.value } throws: { ($0 as? BlockDeviceError)?.code == .closed }
            await reader.close()
        }
    }
}
