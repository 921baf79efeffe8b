import ArgumentParser
import Foundation
import MessageBus
import Messages
import Synchronization
import Testing

@testable import OperatorCLI

/// Looking at runs, and what belongs to failover besides them.
@Suite struct RunCommandTests {
    @Test func runsAreListedWithWhatTheyCostAndWhatTheyWaitFor() async throws {
        try await ScriptedServices.run(
            vault: { _ in .snapshot(WireSamples.snapshot()) },
            orchestrator: { request in
                guard case .listRuns(let asked) = request else { throw ScriptedServices.unexpected }
                #expect(asked.protection == WireSamples.protectionID && asked.limit == 5)
                var waiting = RunSamples.run(.planned, .waiting, current: 2)
                waiting.sentence = "alpha does not answer."
                waiting.remedy = "Start its agent."
                var list = RunList()
                list.runs = [waiting, RunSamples.succeeded(.test)]
                return .runs(list)
            }
        ) { services in
            let console = RecordingConsole()
            #expect(await services.bascule("runs", "web1", "--last", "5", console: console) == .ok)
            #expect(console.said.output[1].hasPrefix("1a2b3c4d  web1   planned failover  waiting  "))
            #expect(console.said.output[1].hasSuffix("–      –       –      –  Fetch the last delta  cli/tester"))
            #expect(console.said.output[2].contains("succeeded") && console.said.output[2].contains("850 ms  1.2 s"))
            #expect(console.said.output[3] == "  1a2b3c4d: waits: alpha does not answer. Start its agent.")
            #expect(await services.bascule("runs", "web9") == .notFound)
        }
    }

    @Test func showingARunThatFailedIsNoFailureButWatchingItIs() async throws {
        try await ScriptedServices.run(orchestrator: { request in
            guard case .getRun = request else { throw ScriptedServices.unexpected }
            return .run(RunSamples.run(.planned, .failed))
        }) { services in
            #expect(await services.bascule("run", "show", "1a2b3c4d") == .ok)
            #expect(await services.bascule("run", "show", "1a2b3c4d", "--watch") == .failed)
        }
    }

    @Test func abandoningAsksAndEndsWellWhenTheRunIsTakenBack() async throws {
        let abandoned = Mutex(0)
        try await ScriptedServices.run(orchestrator: { request in
            switch request {
            case .getRun: return .run(RunSamples.run(.planned, .waiting))
            case .abandonRun:
                abandoned.withLock { $0 += 1 }
                return .run(RunSamples.run(.planned, .failed))
            default: throw ScriptedServices.unexpected
            }
        }) { services in
            #expect(await services.bascule("run", "abandon", "1a2b3c4d") == .refused)
            #expect(abandoned.withLock { $0 } == 0)
            #expect(await services.bascule("run", "abandon", "1a2b3c4d", "--yes") == .ok)
            #expect(abandoned.withLock { $0 } == 1)
        }
    }

    @Test func aResumedRunIsFollowed() async throws {
        try await ScriptedServices.run(orchestrator: { request in
            guard case .resumeRun(let asked) = request, asked.id == "1a2b3c4d" else {
                throw ScriptedServices.unexpected
            }
            return .run(RunSamples.succeeded(.planned))
        }) { services in
            #expect(await services.bascule("run", "resume", "1a2b3c4d") == .ok)
        }
    }

    @Test func networksAndFencingBelongToThePair() async throws {
        let put = Mutex<[CloudPair]>([])
        try await ScriptedServices.run(vault: { request in
            switch request {
            case .getSnapshot:
                var snapshot = WireSamples.snapshot()
                if let last = put.withLock({ $0.last }) { snapshot.pairs = [last] }
                return .snapshot(snapshot)
            case .pairClouds(let order):
                put.withLock { $0.append(order.pair) }
                return .done(Done())
            default: throw ScriptedServices.unexpected
            }
        }) { services in
            #expect(await services.bascule("networks", "set", "gold", "gold-dr", "br0", "--target", "br-dr") == .ok)
            #expect(await services.bascule("networks", "set", "gold", "gold-dr", "br0", "--test", "br-lab") == .ok)
            #expect(await services.bascule("pair", "gold", "gold-dr", "--fence", "shut-down") == .ok)
            let pair = try #require(put.withLock { $0.last })
            #expect(pair.networks.map(\.source) == ["br0"])
            #expect(pair.networks[0].target == "br-dr" && pair.networks[0].testTarget == "br-lab")
            #expect(pair.fenceAction == .shutDown && pair.policy == "every-second")

            let console = RecordingConsole()
            #expect(await services.bascule("networks", console: console) == .ok)
            #expect(
                console.said.output == [
                    "FROM  TO       NETWORK  AFTER A FAILOVER  IN A TEST",
                    "gold  gold-dr  br0      br-dr             br-lab",
                ])
            #expect(await services.bascule("networks", "set", "gold", "gold-dr", "br0", "--test", "none") == .ok)
            #expect(put.withLock { $0.last }?.networks.first?.testTarget.isEmpty == true)
            #expect(await services.bascule("networks", "remove", "gold", "gold-dr", "br0") == .ok)
            #expect(put.withLock { $0.last }?.networks.isEmpty == true)
            #expect(await services.bascule("networks", "remove", "gold", "gold-dr", "br0") == .notFound)
            #expect(await services.bascule("networks", "set", "gold", "tin", "br0", "--test", "x") == .notFound)
            #expect(await services.bascule("pair", "gold", "gold-dr", "--fence", "shout") == .usage)
        }
    }

    @Test func aPolicySaysHowAGuestIsShutDown() throws {
        let set = try PolicyCommand.Set.parse(["gold", "--shutdown-limit", "5m", "--when-shutdown-fails", "force-off"])
        let policy = try set.changes(to: PolicyRecord(name: "gold"))
        #expect(policy.wire.shutdownLimitSeconds == 300 && policy.wire.whenShutdownFails == .destroy)
        #expect(PolicyRecord(wire: policy.wire) == policy)
        #expect(policy.sentences.last == "planned failover: a guest has 5 min to shut down, then its plug is pulled")
        for wrong in [["--shutdown-limit", "0"], ["--shutdown-limit", "1h"], ["--when-shutdown-fails", "destroy"]] {
            let error = #expect(throws: OperatorError.self) {
                try PolicyCommand.Set.parse(["gold"] + wrong).changes(to: policy)
            }
            #expect(error?.code == .usage)
        }
    }

    /// The real executable, because another program takes its place.
    @Test func recoverBecomesTheAgentsCommandWithEverythingThatWasSaid() throws {
        let folder = "/tmp/bsc-recover-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer {
            unlink("\(folder)/bascule-agent")
            rmdir(folder)
        }
        try "#!/bin/sh\necho \"$@\"\nexit 9\n".write(
            toFile: "\(folder)/bascule-agent", atomically: true, encoding: .utf8)
        chmod("\(folder)/bascule-agent", 0o755)

        // The test runner is somewhere else, but the bundle that it loads lies beside the executables.
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        let process = Process()
        process.executableURL = URL(fileURLWithPath: bundle).resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "bascule")
        process.arguments = ["recover", "--config", "agent.yaml", "start", "ID", "--cycle", "17"]
        process.environment = ["BASCULE_BINARIES": folder, "HOME": folder]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(text == "recover --config agent.yaml start ID --cycle 17\n")
        #expect(process.terminationStatus == 9)
    }

    @Test func recoverWithoutItsProgramSaysWhereItLooked() async {
        let console = RecordingConsole()
        let status = await BasculeTool.run(
            ["recover", "list"], console: console, environment: ["BASCULE_BINARIES": "/nowhere"])
        #expect(status == .notFound)
        #expect(console.said.errors.first == "bascule: bascule-agent is not in /nowhere.")
    }
}
