import Eventually
import Foundation
import MessageBus
import Messages
import SwiftProtobuf
import Testing

@testable import Policy

/// Nothing can be decided while it can not be recorded, and who asks hears why.
@Suite(.timeLimit(.minutes(2))) struct PolicyFullDiskTests {
    @Test(.enabled(if: geteuid() == 0, "only root may mount the file system that is full"))
    func `a full disk is told at once, and what waits for it is done when there is room`() async throws {
        try await ServiceBench.use { bench in
            try #require(mount("tmpfs", bench.state, "tmpfs", 0, "size=1m") == 0)
            // Detached, because a process that another test starts holds our files until it is another program.
            defer { #expect(umount2(bench.state, Int32(MNT_DETACH)) == 0) }
            let running = try await bench.start()
            _ = try await running.ask(.putPolicy(.with { $0.policy = ServiceBench.fast }))
            let fill = "\(bench.state)/fill"
            #expect(throws: (any Error).self) { try Data(count: 2 << 20).write(to: URL(fileURLWithPath: fill)) }

            // The log that is written already has room for some.
            let waiting = Task {
                var count = 0
                while FileManager.default.fileExists(atPath: fill) {
                    let settings = ReplicationPolicy.with {
                        $0 = ServiceBench.fast
                        $0.name = "p\(count)"
                    }
                    do {
                        _ = try await running.ask(.putPolicy(.with { $0.policy = settings }))
                        count += 1
                    } catch let error as RemoteError where error.code == .resourceExhausted {
                        // Refused, so not done; the service may have had something else to record.
                    }
                }
                return count
            }
            let told = try await eventually("the fault is told") { try await Self.fault(running) }
            #expect(told.count == 2 && told[0].contains("disk") && told[1] == "Free space on it.")
            try FileManager.default.removeItem(atPath: fill)
            let count = try await waiting.value
            try await eventually("it is well again") { try await Self.fault(running) == nil }
            guard case .policies(let list) = try await running.ask(.listPolicies(.init())) else {
                throw NeverHappened(description: "the policies are listed")
            }
            #expect(list.policies.count { $0.name.hasPrefix("p") } == count)
            try await running.stop()
        }
    }

    /// What the service says while it is not well.
    private static func fault(_ running: ServiceBench.Running) async throws -> [String]? {
        let health = try await running.client.health(deadline: .seconds(60))
        return health.level == .critical ? health.details : nil
    }
}
