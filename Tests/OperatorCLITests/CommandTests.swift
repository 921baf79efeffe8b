import Foundation
import MessageBus
import Messages
import Synchronization
import Testing

@testable import OperatorCLI

/// Commands from the arguments to the exit status, against scripted services on real sockets.
@Suite struct CommandTests {
    @Test func guestsListsWhatIsProtectedAndWhatIsNot() async throws {
        try await ScriptedServices.run(vault: { _ in .snapshot(WireSamples.snapshot()) }) { services in
            let console = RecordingConsole()
            #expect(await services.bascule("guests", console: console) == .ok)
            #expect(
                console.said.output == [
                    "GUEST  HOST   POWER    CPUS   MEMORY  DISKS      SIZE  PROTECTION  FINDINGS",
                    "db1    alpha  running     2  1.0 GiB      1  10.0 GiB  none        –",
                    "web1   alpha  running     2  1.0 GiB      1  10.0 GiB  protected   –",
                ])
        }
    }

    @Test func jsonHasTheDocumentedKeys() async throws {
        try await ScriptedServices.run(vault: { _ in .snapshot(WireSamples.snapshot()) }) { services in
            let console = RecordingConsole()
            #expect(await services.bascule("clouds", "--json", console: console) == .ok)
            #expect(
                console.said.output == [
                    #"{"clouds":[{"name":"gold","site":"berlin"},{"name":"gold-dr","site":"munich"}],"#
                        + #""pairs":[{"autoProtect":false,"fence":"alarm","networks":[],"policy":"every-second","protectAll":false,"#
                        + #""source":"gold","target":"gold-dr"}]}"#
                ])
        }
    }

    @Test func protectSendsWhatWasAskedForAndNothingElse() async throws {
        let asked = Mutex<[Protect]>([])
        try await ScriptedServices.run(vault: { request in
            switch request {
            case .protect(let order):
                asked.withLock { $0.append(order) }
                return .protection(WireSamples.protection(state: .enabling))
            case .getSnapshot: return .snapshot(WireSamples.snapshot())
            default: throw ScriptedServices.unexpected
            }
        }) { services in
            let console = RecordingConsole()
            #expect(
                await services.bascule("protect", "web1", "--target-host", "beta", "--policy", "gold", console: console)
                    == .ok)
            let order = try #require(asked.withLock { $0 }.first)
            #expect(order.guest == "web1")
            #expect(order.targetHost == "beta")
            #expect(order.policyOverride == "gold")
            #expect(order.sourceHost.isEmpty && order.targetCloud.isEmpty)
            #expect(console.said.output == ["web1: protected from alpha to beta (\(WireSamples.protectionID))"])
        }
    }

    @Test func protectWithWaitShowsProgressUntilThePointIsThere() async throws {
        let looks = Mutex(0)
        try await ScriptedServices.run(
            vault: { request in
                switch request {
                case .protect: return .protection(WireSamples.protection(state: .enabling))
                case .getSnapshot:
                    var snapshot = WireSamples.snapshot()
                    snapshot.protections = [
                        WireSamples.protection(state: looks.withLock { $0 } < 2 ? .seeding : .protected)
                    ]
                    return .snapshot(snapshot)
                default: throw ScriptedServices.unexpected
                }
            },
            policy: { _ in
                let look = looks.withLock { looks in
                    looks += 1
                    return looks
                }
                var list = StatusList()
                list.statuses = [WireSamples.status(newestCycle: look < 3 ? 0 : 1, pending: look < 3 ? 50 : 0)]
                return .statuses(list)
            }
        ) { services in
            let console = RecordingConsole()
            #expect(await services.bascule("protect", "web1", "--wait", console: console) == .ok)
            #expect(console.said.progress.contains { $0.contains("seeding web1") && $0.contains("50 %") })
            #expect(console.said.output.last?.hasPrefix("web1: point 1 is there;") == true)
        }
    }

    @Test func aRefusalOfTheVaultIsToldWithItsRemedyAndExitStatus() async throws {
        try await ScriptedServices.run(vault: { _ in
            throw RemoteError(.alreadyExists, "web1 is protected already.", remedy: "See: bascule status web1.")
        }) { services in
            let console = RecordingConsole()
            #expect(await services.bascule("protect", "web1", console: console) == .refused)
            #expect(
                console.said.errors == ["bascule: web1 is protected already.", "  Next: See: bascule status web1."])
            let machine = RecordingConsole()
            #expect(await services.bascule("protect", "web1", "--json", console: machine) == .refused)
            #expect(machine.said.errors.first?.contains(#""code":"ALREADY_EXISTS""#) == true)
        }
    }

    @Test func nobodyThereIsUnavailableAndSaysWhereItLooked() async throws {
        let console = RecordingConsole()
        let status = await BasculeTool.run(
            ["guests", "--vault", "tcp://127.0.0.1:1", "--deadline", "1"], console: console, environment: [:])
        #expect(status == .unavailable)
        #expect(console.said.errors.first == "bascule: the vault does not answer at tcp://127.0.0.1:1.")
    }

    @Test(arguments: [nil, "n", "", "yes", "Y"] as [String?])
    func unprotectAsksBeforeTheReplicaIsDeleted(answer: String?) async throws {
        let asked = Mutex(0)
        try await ScriptedServices.run(vault: { request in
            switch request {
            case .getSnapshot: return .snapshot(WireSamples.snapshot())
            case .unprotect(let order):
                #expect(order.protection == WireSamples.protectionID && !order.keepReplica)
                asked.withLock { $0 += 1 }
                return .protection(WireSamples.protection(state: .disabling))
            default: throw ScriptedServices.unexpected
            }
        }) { services in
            let console = RecordingConsole(answer: answer)
            let confirmed = answer == "yes" || answer == "Y"
            #expect(await services.bascule("unprotect", "web1", console: console) == (confirmed ? .ok : .refused))
            #expect(asked.withLock { $0 } == (confirmed ? 1 : 0))
            #expect(console.said.questions.count == (answer == nil ? 0 : 1))
        }
    }

    @Test(arguments: ["--yes", "--keep-replica"]) func scriptsNeedNoTerminal(flag: String) async throws {
        let kept = Mutex<Bool?>(nil)
        try await ScriptedServices.run(vault: { request in
            switch request {
            case .getSnapshot: return .snapshot(WireSamples.snapshot())
            case .unprotect(let order):
                kept.withLock { $0 = order.keepReplica }
                return .done(Done())
            default: throw ScriptedServices.unexpected
            }
        }) { services in
            #expect(await services.bascule("unprotect", "web1", flag) == .ok)
            #expect(kept.withLock { $0 } == (flag == "--keep-replica"))
        }
    }

    @Test func statusPutsRegistryAndPolicyServiceSideBySide() async throws {
        try await ScriptedServices.run(
            vault: { _ in .snapshot(WireSamples.snapshot()) },
            policy: { _ in
                var list = StatusList()
                list.statuses = [WireSamples.status(newestCycle: 7, pending: 0)]
                return .statuses(list)
            }
        ) { services in
            let console = RecordingConsole(width: 100)
            #expect(await services.bascule("status", console: console) == .ok)
            #expect(console.said.output.count == 3)
            #expect(console.said.output[1].hasPrefix("web1   alpha → beta  alpha   protected  normal  850 ms"))
        }
    }

    @Test func aPolicyServiceThatIsDeadIsAnExitStatusForMonitoring() async throws {
        try await ScriptedServices.run(
            vault: { _ in .snapshot(WireSamples.snapshot()) },
            policy: { _ in throw RemoteError(.unavailable, "It stops.") }
        ) { services in
            #expect(await services.bascule("status") == .ok)
            let console = RecordingConsole()
            #expect(await services.bascule("status", "--check", console: console) == .unavailable)
            #expect(console.said.output.contains { $0.hasPrefix("web1 ") })
        }
    }

    @Test func criticalHealthIsAnExitStatusForMonitoring() async throws {
        try await ScriptedServices.run(
            vault: { _ in .snapshot(WireSamples.snapshot()) },
            policy: { _ in
                var status = WireSamples.status(newestCycle: 7, pending: 0)
                status.health.level = .critical
                var list = StatusList()
                list.statuses = [status]
                return .statuses(list)
            }
        ) { services in
            #expect(await services.bascule("status") == .ok)
            #expect(await services.bascule("status", "--check") == .refused)
        }
    }

    @Test func aDamagedReplicaHasAnExitStatusOfItsOwn() async throws {
        let endpoint = Mutex("")
        let looks = Mutex(0)
        try await ScriptedServices.run(
            vault: { _ in .snapshot(WireSamples.snapshot(agent: endpoint.withLock { $0 })) },
            agent: { _ in
                let look = looks.withLock { looks in
                    looks += 1
                    return looks
                }
                var progress = ScrubProgress()
                progress.totalBytes = 200
                progress.checkedBytes = look == 1 ? 100 : 200
                progress.finished = look > 1
                progress.faults = look > 1 ? ["3.hrl: a seal does not hold"] : []
                progress.faultCount = UInt64(progress.faults.count)
                return .scrubProgress(progress)
            }
        ) { services in
            endpoint.withLock { $0 = services.agent.endpoint }
            let console = RecordingConsole()
            #expect(await services.bascule("scrub", "web1", console: console) == .corrupt)
            #expect(console.said.progress.contains { $0.contains("verifying web1") })
            #expect(console.said.output == ["  3.hrl: a seal does not hold"])
        }
    }

    @Test func doctorGathersWhatFailsAndHowToMendIt() async throws {
        let endpoint = Mutex("")
        try await ScriptedServices.run(
            vault: { _ in .snapshot(WireSamples.snapshot(agent: endpoint.withLock { $0 })) },
            policy: { _ in .workers(WorkerList()) },
            agent: { _ in
                var item = DoctorReport.Item()
                item.name = "nbdkit"
                item.detail = "not installed"
                item.remedy = "apt-get install nbdkit"
                var report = DoctorReport()
                report.items = [item]
                return .doctorReport(report)
            }
        ) { services in
            endpoint.withLock { $0 = services.agent.endpoint }
            let console = RecordingConsole()
            #expect(await services.bascule("doctor", "beta", "--failed", console: console) == .refused)
            #expect(console.said.output.contains("  beta: nbdkit: apt-get install nbdkit"))
            #expect(
                console.said.output.contains("  workers: start bascule-worker wherever it reaches source and target"))
        }
    }

    @Test func healthNamesTheServiceThatDoesNotAnswer() async throws {
        try await ScriptedServices.run(
            vault: { _ in .snapshot(WireSamples.snapshot(agent: "tcp://127.0.0.1:1")) },
            policy: { _ in .workers(WorkerList()) }
        ) { services in
            let console = RecordingConsole()
            #expect(await services.bascule("health", "--deadline", "8", console: console) == .unavailable)
            #expect(console.said.errors.first?.contains("no answer from agent at tcp://127.0.0.1:1") == true)
        }
    }

    /// Where it was paused is known to the vault alone.
    @Test(arguments: [ProtectionState.enabling, .seeding, .reversing, .protected])
    func resumeGoesBackToWhereTheGuestStood(state: ProtectionState) async throws {
        let asked = Mutex<ProtectionState?>(nil)
        try await ScriptedServices.run(
            vault: { request in
                switch request {
                case .getSnapshot:
                    var snapshot = WireSamples.snapshot()
                    snapshot.protections = [WireSamples.protection(state: .paused)]
                    return .snapshot(snapshot)
                case .changeState(let change):
                    asked.withLock { $0 = change.state }
                    return .protection(WireSamples.protection(state: state))
                default: throw ScriptedServices.unexpected
                }
            }
        ) { services in
            let console = RecordingConsole()
            #expect(await services.bascule("resume", "web1", console: console) == .ok)
            #expect(asked.withLock { $0 } == .protected)
            #expect(console.said.output == ["web1: resumed, \(Registry.State(wire: state).words)."])
        }
    }

    @Test func resumeOfWhatIsNotPausedIsRefused() async throws {
        try await ScriptedServices.run(vault: { _ in .snapshot(WireSamples.snapshot()) }) { services in
            #expect(await services.bascule("resume", "web1") == .refused)
        }
    }
}
