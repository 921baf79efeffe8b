import FoundationEssentials
import Hypervisor
import MessageBus
import Messages

@testable import HostAgent

/// Requests as the orchestrator makes them.
extension AgentHarness {
    func setSide(active: Bool, generation: UInt64, fence: FenceAction = .alarm) async throws {
        var request = SetSide()
        request.protection = protection
        request.guestUuid = guest
        request.active = active
        request.fenceAction = fence
        _ = try await send(.setSide(request), generation: generation)
    }

    @discardableResult
    func stopGuest(
        generation: UInt64, limitMs: UInt32 = 10_000, whenItFails: WhenShutdownFails = .stop
    ) async throws -> GuestStopped {
        var request = StopGuest()
        request.protection = protection
        request.guestUuid = guest
        request.shutdownLimitMs = limitMs
        request.whenShutdownFails = whenItFails
        // One attempt: an error that may pass by itself is what some tests ask for.
        guard
            case .guestStopped(let stopped) = try await client.agent(
                .stopGuest(request), generation: generation, deadline: .seconds(60))
        else { throw Unexpected() }
        return stopped
    }

    func startGuest(generation: UInt64) async throws {
        var request = StartGuest()
        request.protection = protection
        request.guestUuid = guest
        _ = try await send(.startGuest(request), generation: generation)
    }

    func describeSide() async throws -> SideDescription {
        var request = DescribeSide()
        request.protection = protection
        request.guestUuid = guest
        guard case .side(let side) = try await send(.describeSide(request)) else { throw Unexpected() }
        return side
    }

    func power() async throws -> Hypervisor.PowerState { try await hypervisor.describe(guest: guest).power }

    // MARK: Started replicas

    func startReplica(
        _ cycle: UInt64, _ purpose: ReplicaPurpose, generation: UInt64, onBase: Bool = false
    ) async throws -> ReplicaStarted {
        var request = StartReplica()
        request.protection = protection
        request.cycle = cycle
        request.purpose = purpose
        request.onBase = onBase
        guard case .replicaStarted(let started) = try await send(.startReplica(request), generation: generation)
        else { throw Unexpected() }
        return started
    }

    func stopReplica(
        _ purpose: ReplicaPurpose, verdict: Messages.TestVerdict = .unspecified, generation: UInt64
    ) async throws {
        var request = StopReplica()
        request.verdict = verdict
        request.protection = protection
        request.purpose = purpose
        _ = try await send(.stopReplica(request), generation: generation)
    }

    func commitReplica(generation: UInt64) async throws -> WorkProgress {
        var request = CommitReplica()
        request.protection = protection
        guard case .workProgress(let progress) = try await send(.commitReplica(request), generation: generation)
        else { throw Unexpected() }
        return progress
    }

    func prepareReplica(generation: UInt64) async throws -> WorkProgress {
        var request = PrepareReplica()
        request.protection = protection
        guard case .workProgress(let progress) = try await send(.prepareReplica(request), generation: generation)
        else { throw Unexpected() }
        return progress
    }

    func adoptDisks(
        _ cycle: UInt64, generation: UInt64, diverged: Bool = false, keepDiverged: Bool = false
    ) async throws {
        var request = AdoptDisks()
        request.protection = protection
        request.guestUuid = guest
        request.cycle = cycle
        request.diverged = diverged
        request.keepDiverged = keepDiverged
        _ = try await send(.adoptDisks(request), generation: generation)
    }

    func deleteReplica(generation: UInt64) async throws {
        var request = DeleteReplica()
        request.protection = protection
        _ = try await send(.deleteReplica(request), generation: generation)
    }

    func releaseSource(generation: UInt64) async throws {
        var request = ReleaseSource()
        request.protection = protection
        request.guestUuid = guest
        _ = try await send(.releaseSource(request), generation: generation)
    }

    // MARK: What there is of them

    func exists(_ part: String) -> Bool { FileManager.default.fileExists(atPath: "\(replicaDirectory)/\(part)") }

    /// Every byte of the journal, by file.
    func journal() throws -> [String: [UInt8]] {
        var journal: [String: [UInt8]] = [:]
        for name in try files(in: "journal") {
            journal[name] = [UInt8](try Data(contentsOf: URL(filePath: "\(replicaDirectory)/journal/\(name)")))
        }
        return journal
    }

    /// Processes that serve views to guests of this protection.
    func views() -> [Int32] {
        let name = protection.filter { $0 != "-" }.prefix(16)
        return ["\(name).sock", "\(name)-t.sock"].compactMap {
            GuestViewProcess.find(socket: "\(settings.guestViewsDirectory)/\($0)")?.process
        }
    }
}
