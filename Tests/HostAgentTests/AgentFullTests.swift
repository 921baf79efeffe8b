import Glibc
import Hypervisor
import Messages
import Synchronization
import Testing

@testable import HostAgent

/// A target whose file system has no room for what retention would fold.
@Suite struct AgentFullTests {
    @Test(.enabled(if: geteuid() == 0, "only root may mount the file system that is full"))
    func aRefusedCycleSaysHowMuchRoomRetentionMisses() async throws {
        try await withTemporaryDirectory { place in
            // Room for cycles, and not for a fold beside what it leaves free.
            try #require(mount("tmpfs", place, "tmpfs", 0, "size=80m") == 0)
            // Detached, because a process that another test starts holds our files until it is another program.
            defer { #expect(umount2(place, Int32(MNT_DETACH)) == 0) }
            try await withAgentSite { site in try await Self.fillAndRefuse(site, replicas: "\(place)/replicas") }
        }
    }

    private static func fillAndRefuse(_ site: AgentSite, replicas: String) async throws {
        let isFull = Atomic(false)
        var space = SpaceReserve(bytes: 1_000, checkEveryBytes: 1_000)
        space.freeBytes = { _ in isFull.load(ordering: .relaxed) ? 500 : 2_000 }
        let change = { [space] (settings: inout HostAgentSettings) in
            settings.replicas = replicas
            settings.space = space
        }
        try await site.withAgent(change: change) { agent in
            // As many as a fold is begun for.
            for cycle in UInt64(1)...17 {
                agent.hypervisor.write(randomBytes(1_000), to: agent.guest, "vda", at: 0)
                try await agent.cycle(cycle, cycle == 1 ? .full : .incremental, parent: cycle - 1)
            }
            isFull.store(true, ordering: .relaxed)
            let capture = try await agent.capture(18, .incremental, parent: 17)
            func refused() async throws -> RemoteError {
                try await #require(throws: RemoteError.self) {
                    try await agent.openCycle(capture, .incremental, parent: 17, retention: Messages.Retention())
                }
            }
            let first = try await refused()
            #expect(first.code == .resourceExhausted && first.remedy.contains("retention"))
            try await poll("the refusal says how much is missing") {
                let error = try await refused()
                #expect(try await agent.points().count == 17, "nothing goes, not even for a moment")
                return error.message.contains("retention cannot make room") && error.remedy.contains("MiB more")
            }
        }
    }
}
