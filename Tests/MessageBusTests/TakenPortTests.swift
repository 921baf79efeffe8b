import Foundation
import LocalPorts
import MessageBus
import Messages
import Testing

struct TakenPortTests {
    /// A child process has copies of all descriptors until it executes its program, which takes long on a busy machine.
    @Test func aPortThatAStartingChildHoldsIsWaitedFor() async throws {
        try await withBus { bus in
            let (endpoint, descriptor) = try listen()
            let child = try StartingChild()
            try await eventually("the child is there") { child.isThere }
            close(descriptor)
            let held = #expect(throws: RawSocket.Failure.self) { try RawSocket(.router, bindingTo: endpoint) }
            #expect(held?.number == EADDRINUSE)

            async let server = bus.serve(at: endpoint) { _ in answer(2) }
            // A fixed time, because nothing can be seen of whoever waits.
            try await Task.sleep(for: .milliseconds(100))
            try await child.letGo()
            let client = try await bus.client(to: await server.endpoint)
            #expect(number(of: try await client.call(numbered(0)).body) == 2)
        }
    }

    @Test func aPortThatSomebodyListensAtIsRefusedInTheEnd() async throws {
        try await withBus { bus in
            let listening = try RawSocket(.router, bindingTo: anyPort)
            let began = ContinuousClock.now
            let error = try await #require(throws: MessageBusError.self) {
                _ = try await bus.serve(at: listening.endpoint) { _ in answer(0) }
            }
            #expect(error.code == .addressInUse && ContinuousClock.now - began >= BindTimes.patience)
            listening.close()
        }
    }

    @Test func aBusThatIsShutDownMeanwhileSaysSo() async throws {
        let bus = MessageBus(name: "test/bus", logger: quietLogger)
        let listening = try RawSocket(.router, bindingTo: anyPort)
        let served = Task { _ = try await bus.serve(at: listening.endpoint) { _ in answer(0) } }
        // A fixed time, because nothing can be seen of whoever waits.
        try await Task.sleep(for: .milliseconds(100))
        await bus.shutdown()
        let error = await #expect(throws: MessageBusError.self) { try await served.value }
        #expect(error?.code == .shutDown)
        listening.close()
    }
}

/// A plain socket that listens.
private func listen() throws -> (endpoint: String, descriptor: Int32) {
    let port = try LocalPorts.free(count: 1)[0]
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = port.bigEndian
    let bound = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    try #require(bound == 0 && Glibc.listen(descriptor, 1) == 0)
    return ("tcp://127.0.0.1:\(port)", descriptor)
}

/// A child process that stands still before it executes its program, until it is let go: it opens a FIFO that nobody writes to.
private final class StartingChild: Sendable {
    private let directory = "\(NSTemporaryDirectory())bsc-child-\(UUID().uuidString.prefix(8))"
    private let identifier: Task<pid_t, any Error>

    private var mark: String { "\(directory)/there" }
    private var door: String { "\(directory)/door" }

    init() throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let (mark, door) = ("\(directory)/there", "\(directory)/door")
        try #require(mkfifo(door, 0o600) == 0)
        // Off the pool, because posix_spawn(3) returns when the program is executed.
        identifier = Task.detached {
            try await withCheckedThrowingContinuation { continuation in
                Thread.detachNewThread { continuation.resume(with: Result { try Self.start(mark, door) }) }
            }
        }
    }

    private static func start(_ mark: String, _ door: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, mark, O_WRONLY | O_CREAT, 0o600)
        posix_spawn_file_actions_addopen(&actions, 0, door, O_RDONLY, 0)
        let name = try #require(strdup("true"))
        defer { free(name) }
        var identifier = pid_t()
        try #require(posix_spawnp(&identifier, "true", &actions, nil, [name, nil], nil) == 0)
        return identifier
    }

    var isThere: Bool { FileManager.default.fileExists(atPath: mark) }

    func letGo() async throws {
        let writing = open(door, O_WRONLY | O_CLOEXEC)
        try #require(writing >= 0)
        close(writing)
        try #require(waitpid(try await identifier.value, nil, 0) > 0)
        try FileManager.default.removeItem(atPath: directory)
    }
}
