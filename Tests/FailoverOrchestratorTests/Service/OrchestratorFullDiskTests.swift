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
            let told = try await eventually("the fault is told") { await Self.refusal(running) }
            #expect(
                told.code == .resourceExhausted && told.message.contains("disk") && told.remedy == "Free space on it.")
            let acts = bench.sites.acts
            #expect(!acts.contains("vault ActivateTarget"))
            try FileManager.default.removeItem(atPath: fill)
            let run = try await waiting.value
            try await eventually("it is well again") { await Self.refusal(running) == nil }
            #expect(try await running.run(run.id, .succeeded).steps.allSatisfy { $0.state != .failed })
            try await running.stop()
        }
    }

    /// What a request for health is refused with.
    private static func refusal(_ running: OrchestratorBench.Running) async -> RemoteError? {
        do {
            _ = try await running.client.call(.healthRequest(HealthRequest()), deadline: .seconds(60))
            return nil
        } catch {
            return error as? RemoteError
        }
    }
}
