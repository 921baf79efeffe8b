import Eventually
import Foundation
import MessageBus
import Messages
import SwiftProtobuf
import Testing

@testable import FailoverOrchestrator

/// No step is done that can not be recorded, and who asks hears why.
@Suite(.timeLimit(.minutes(2))) struct OrchestratorFullDiskTests {
    @Test(.enabled(if: geteuid() == 0, "only root may mount the file system that is full"))
    func `a full disk holds a run, is told at once, and the run goes on when there is room`() async throws {
        try await OrchestratorBench.use { bench in
            try FileManager.default.createDirectory(atPath: bench.state, withIntermediateDirectories: true)
            try #require(mount("tmpfs", bench.state, "tmpfs", 0, "size=2m") == 0)
            // Detached, because a process that another test starts holds our files until it is another program.
            defer { #expect(umount2(bench.state, Int32(MNT_DETACH)) == 0) }
            let running = try await bench.start()
            let fill = "\(bench.state)/fill"
            #expect(throws: (any Error).self) { try Data(count: 4 << 20).write(to: URL(fileURLWithPath: fill)) }
            let waiting = Task { try await running.start(.planned) }
            let told = try await eventually("the fault is told") { try await Self.fault(running) }
            #expect(told.count == 2 && told[0].contains("disk") && told[1] == "Free space on it.")
            let acts = bench.sites.acts
            #expect(!acts.contains("vault ActivateTarget"))
            try FileManager.default.removeItem(atPath: fill)
            let run = try await waiting.value
            try await eventually("it is well again") { try await Self.fault(running) == nil }
            #expect(try await running.run(run.id, .succeeded).steps.allSatisfy { $0.state != .failed })
            try await running.stop()
        }
    }

    /// What the service says while it is not well.
    private static func fault(_ running: OrchestratorBench.Running) async throws -> [String]? {
        let health = try await running.client.health(deadline: .seconds(60))
        return health.level == .critical ? health.details : nil
    }
}
