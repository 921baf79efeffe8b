import Messages
import Synchronization
import Testing

@testable import OperatorCLI

/// Removing hosts that are gone, against a scripted vault.
@Suite struct HostsCommandTests {
    /// A guest that is being unprotected, whose source host is silent.
    private static var snapshot: Snapshot {
        var snapshot = WireSamples.snapshot()
        snapshot.hosts[0].reachable = false
        snapshot.protections = [WireSamples.protection(state: .disabling)]
        return snapshot
    }

    @Test(arguments: ["y", "n", nil, "--yes"])
    func aHostThatProtectionsStillNameIsRemovedOnlyWhenConfirmed(answer: String?) async throws {
        let removed = Mutex(0)
        try await ScriptedServices.run(vault: { request in
            switch request {
            case .getSnapshot: return .snapshot(Self.snapshot)
            case .removeHost(let order):
                #expect(order.id == "host-a")
                removed.withLock { $0 += 1 }
                return .done(Done())
            default: throw ScriptedServices.unexpected
            }
        }) { services in
            let isFlag = answer == "--yes"
            let console = RecordingConsole(answer: isFlag ? nil : answer)
            let status =
                isFlag
                ? await services.bascule("hosts", "remove", "alpha", "--yes", console: console)
                : await services.bascule("hosts", "remove", "alpha", console: console)
            let confirmed = isFlag || answer == "y"
            #expect(status == (confirmed ? .ok : .refused))
            #expect(removed.withLock { $0 } == (confirmed ? 1 : 0))
            if confirmed { #expect(console.said.output.contains { $0.contains("web1 does not run twice") }) }
        }
    }

    @Test func aHostThatNothingNamesNeedsNoConfirmation() async throws {
        try await ScriptedServices.run(vault: { request in
            switch request {
            case .getSnapshot:
                var snapshot = WireSamples.snapshot()
                snapshot.protections = []
                return .snapshot(snapshot)
            case .removeHost: return .done(Done())
            default: throw ScriptedServices.unexpected
            }
        }) { services in
            let console = RecordingConsole()
            #expect(await services.bascule("hosts", "remove", "alpha", console: console) == .ok)
            #expect(console.said.output == ["Host alpha removed."])
        }
    }

    @Test func aHostThatIsBeingRemovedIsListedAsSuch() async throws {
        try await ScriptedServices.run(vault: { _ in
            var snapshot = Self.snapshot
            snapshot.hosts[0].controlEndpoint = ""
            return .snapshot(snapshot)
        }) { services in
            let console = RecordingConsole()
            #expect(await services.bascule("hosts", console: console) == .ok)
            #expect(console.said.output.joined(separator: "\n").contains("being removed"))
        }
    }
}
