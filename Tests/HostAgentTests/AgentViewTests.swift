import FoundationEssentials
import Hypervisor
import Messages
import Testing

@testable import HostAgent

/// Views through nbdkit and our plugin, when both are there.
@Suite(.serialized, .enabled(if: ViewPluginForTests.isThere, ViewPluginForTests.reason))
struct AgentViewTests {
    private func open(
        _ agent: AgentHarness, cycle: UInt64, keepMilliseconds: UInt32 = 0
    ) async throws -> ViewOpened {
        var request = OpenView()
        request.protection = agent.protection
        request.cycle = cycle
        request.keepMs = keepMilliseconds
        guard case .viewOpened(let view) = try await agent.send(.openView(request)) else {
            throw AgentHarness.Unexpected()
        }
        return view
    }

    private func copy(_ view: ViewOpened, to path: String) throws -> [UInt8] {
        try Program.run("nbdcopy", ["nbd+unix:///vda?socket=\(view.socket)", path], within: .seconds(30))
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    @Test func anyPointIsServedAndEndsWhenItIsClosed() async throws {
        try await withAgentSite { site in
            try await site.withAgent(change: { $0.nbdkitPlugin = ViewPluginForTests.path }) { agent in
                agent.hypervisor.write(randomBytes(200_000), to: agent.guest, "vda", at: 65_536)
                let first = try await agent.cycle(1, .full, parent: 0)
                agent.hypervisor.write(randomBytes(100_000), to: agent.guest, "vda", at: 0)
                let second = try await agent.cycle(2, .incremental, parent: 1)
                let old = try await open(agent, cycle: 1)
                let newest = try await open(agent, cycle: 0)
                #expect(newest.cycle == 2 && newest.disks.map(\.target) == ["vda"])
                #expect(try copy(old, to: "\(site.directory)/one") == first)
                #expect(try copy(newest, to: "\(site.directory)/two") == second)
                var close = CloseView()
                close.view = old.view
                _ = try await agent.send(.closeView(close))
                _ = try await agent.send(.closeView(close))
                #expect(!FileManager.default.fileExists(atPath: old.socket))
                #expect(FileManager.default.fileExists(atPath: newest.socket))
                // The other one ends with the agent.
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(site.directory)/state/views").isEmpty)
        }
    }

    /// In a row, because each is started by another thread that ends soon after, which nbdkit once took for the end of
    /// the agent.
    @Test func manyViewsInARowAreAllServed() async throws {
        try await withAgentSite { site in
            try await site.withAgent(change: { $0.nbdkitPlugin = ViewPluginForTests.path }) { agent in
                agent.hypervisor.write(randomBytes(200_000), to: agent.guest, "vda", at: 65_536)
                let held = try await agent.cycle(1, .full, parent: 0)
                for _ in 0..<30 {
                    let view = try await open(agent, cycle: 1)
                    #expect(try copy(view, to: "\(site.directory)/one") == held)
                    var close = CloseView()
                    close.view = view.view
                    _ = try await agent.send(.closeView(close))
                }
            }
        }
    }

    /// By the clock, because the agent ends views by its own.
    @Test func aViewThatNobodyKeepsEndsAndOneThatIsKeptDoesNot() async throws {
        try await withAgentSite { site in
            try await site.withAgent(change: { $0.nbdkitPlugin = ViewPluginForTests.path }) { agent in
                try await agent.cycle(1, .full, parent: 0)
                let forgotten = try await open(agent, cycle: 1, keepMilliseconds: 1_000)
                let lasting = try await open(agent, cycle: 1)
                // The last, and kept for long, so that on a busy machine it is kept again in time.
                let kept = try await open(agent, cycle: 1, keepMilliseconds: 15_000)
                var keep = KeepView()
                keep.view = kept.view
                let wanted = keep
                try await poll("the one that nobody keeps is gone") {
                    _ = try await agent.send(.keepView(wanted))
                    return !FileManager.default.fileExists(atPath: forgotten.socket)
                }
                #expect(FileManager.default.fileExists(atPath: kept.socket))
                #expect(FileManager.default.fileExists(atPath: lasting.socket))
                keep.view = forgotten.view
                let late = keep
                #expect(await refusal { try await agent.send(.keepView(late)) } == .notFound)
                try await poll("the one that is kept no more is gone, too") {
                    !FileManager.default.fileExists(atPath: kept.socket)
                }
                #expect(FileManager.default.fileExists(atPath: lasting.socket))
            }
        }
    }

    @Test func whatAKilledAgentLeftIsEndedAtItsNextStart() async throws {
        try await withAgentSite { site in
            try await site.withAgent(ending: .asAfterACrash, change: { $0.nbdkitPlugin = ViewPluginForTests.path }) {
                agent in
                try await agent.cycle(1, .full, parent: 0)
                _ = try await open(agent, cycle: 1)
            }
            let store = try AgentStore(path: "\(site.directory)/state/agent.sqlite")
            let left = try await store.processes()
            #expect(left.count == 1 && SupervisedProcess.startTicks(of: left[0].process) == left[0].startTicks)
            try await site.withAgent { _ in
                #expect(try await store.processes().isEmpty)
                // The test is its parent, so it stays as a zombie until it is buried here.
                let process = SupervisedProcess(process: left[0].process, startTicks: left[0].startTicks)
                try await poll("the process is gone") { process.status() != .running }
            }
        }
    }

    @Test func aPathThatIsTakenOrTooLongIsRefused() async throws {
        try await withAgentSite { site in
            try await site.withAgent(change: { $0.nbdkitPlugin = ViewPluginForTests.path }) { agent in
                try await agent.cycle(1, .full, parent: 0)
                var request = OpenView()
                request.protection = agent.protection
                request.socket = site.directory
                #expect(await refusal { try await agent.send(.openView(request)) } == .conflict)
                request.socket = "/" + String(repeating: "a", count: 200)
                #expect(await refusal { try await agent.send(.openView(request)) } == .invalidArgument)
                request.socket = "relative"
                #expect(await refusal { try await agent.send(.openView(request)) } == .invalidArgument)
                #expect(try FileManager.default.contentsOfDirectory(atPath: "\(site.directory)/state/views").isEmpty)
            }
        }
    }
}
