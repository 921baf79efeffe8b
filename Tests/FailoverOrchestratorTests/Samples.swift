@testable import FailoverOrchestrator

/// Values that several tests begin with.
enum Samples {
    static let protection = "11111111-1111-4111-8111-111111111111"
    static let run = "22222222-2222-4222-8222-222222222222"
    static let guest = "99999999-9999-4999-8999-999999999999"
    static let start = RunTime(milliseconds: 1_700_000_000_000)

    static func point(_ cycle: UInt64, application: Bool = false, verified: Bool = false) -> RecoveryPoint {
        RecoveryPoint(
            cycle: cycle, capturedUnixMilliseconds: start.milliseconds - 5_000, isApplicationConsistent: application,
            isVerified: verified)
    }

    static func entry(
        _ state: ProtectionState = .protected, reversed: Bool = false, active: Side = .source, run: String = ""
    ) -> ProtectionEntry {
        ProtectionEntry(
            id: protection, guestUUID: guest, guestName: "web", sourceHost: "h1", targetHost: "h2",
            sourceCloud: "a", targetCloud: "b", state: state, isReversed: reversed, generation: 1, version: 1,
            policyOverride: "", activeSide: active, run: run,
            failoverCycle: [.commitPending, .committed].contains(state) ? 7 : 0)
    }

    static func registry(_ entry: ProtectionEntry = entry()) -> RegistryView {
        RegistryView(
            hosts: [
                HostEntry(id: "h1", name: "alpha", endpoint: "tcp://1", isReachable: true, memoryFreeBytes: 8 << 30),
                HostEntry(id: "h2", name: "beta", endpoint: "tcp://2", isReachable: true, memoryFreeBytes: 8 << 30),
            ],
            pairs: [
                PairEntry(
                    sourceCloud: "a", targetCloud: "b", policy: "fast", fenceAction: .shutDown,
                    networks: [NetworkLink(source: "br-a", target: "br-b", testTarget: "br-test")])
            ],
            guests: [GuestEntry(uuid: guest, host: "h1", memoryBytes: 1 << 30)], protections: [entry])
    }

    static func request(_ kind: RunKind) -> RunRequest {
        RunRequest(kind: kind, protection: "web", point: kind.choosesPoint ? .latest : nil)
    }

    /// As the book would write it for a protection that is where the kind wants it.
    static func record(
        _ request: RunRequest, registry: RegistryView, others: [RunRecord] = [], id: String = run,
        now: RunTime = start
    ) throws(OrchestratorError) -> RunRecord {
        try RunAdmission(
            request: request, id: id, sender: "cli/test", registry: registry, others: others, now: now
        ).record()
    }

    /// Why a run is not begun; nil: it is.
    static func refusal(
        _ kind: RunKind, _ entry: ProtectionEntry, others: [RunRecord] = [],
        _ change: (inout RegistryView) -> Void = { _ in }
    ) -> OrchestratorError? {
        var registry = registry(entry)
        change(&registry)
        do throws(OrchestratorError) {
            _ = try record(request(kind), registry: registry, others: others, id: "new")
            return nil
        } catch {
            return error
        }
    }
}
