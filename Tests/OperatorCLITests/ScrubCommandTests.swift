import MessageBus
import Messages
import Synchronization
import Testing

@testable import OperatorCLI

/// Scrubs: which one is told of, and what is to be done about what they find.
@Suite struct ScrubCommandTests {
    /// One ended on another day, without a fault; what is there now is damaged.
    @Test(arguments: [[], ["--no-wait"], ["--no-wait", "--restart"]])
    func aScrubThatHadEndedIsNotToldAsTheAnswer(flags: [String]) async throws {
        let endpoint = Mutex("")
        let restarts = Mutex<[Bool]>([])
        try await ScriptedServices.run(
            vault: { _ in .snapshot(WireSamples.snapshot(agent: endpoint.withLock { $0 })) },
            agent: { request in
                guard case .scrub(let scrub) = request else { throw ScriptedServices.unexpected }
                let isNew = restarts.withLock { restarts in
                    restarts.append(scrub.restart)
                    return restarts.contains(true)
                }
                var progress = ScrubProgress()
                progress.finished = !isNew || !scrub.restart
                progress.faults = isNew && progress.finished ? ["0000000003.hrl: a seal does not hold"] : []
                progress.faultCount = UInt64(progress.faults.count)
                return .scrubProgress(progress)
            }
        ) { services in
            endpoint.withLock { $0 = services.agent.endpoint }
            let console = RecordingConsole()
            let status =
                switch flags.count {
                case 0: await services.bascule("scrub", "web1", console: console)
                case 1: await services.bascule("scrub", "web1", "--no-wait", console: console)
                default: await services.bascule("scrub", "web1", "--no-wait", "--restart", console: console)
                }
            #expect(status == (flags.isEmpty ? .corrupt : .ok))
            let asked = restarts.withLock { $0 }
            switch flags.count {
            case 0: #expect(asked == [false, true, false])
            case 1: #expect(asked == [false] && console.said.output.last?.contains("had ended already") == true)
            default: #expect(asked == [true])
            }
        }
    }

    @Test func damagedLogsAreToBeSetAsideFromTheFirstOn() {
        let protection = Samples.protection()
        let faults = ["0000000012.hrl: rotten", "0000000007.hrl: rotten", "base/vda at 0: rotten"]
        let remedy = ScrubCommand.remedy(for: faults, protection, at: "beta")
        #expect(remedy.contains("start points before 0000000007.hrl only"))
        #expect(remedy.contains("set-aside \(protection.id)`") && remedy.contains("on beta, stop bascule-agent"))
        #expect(remedy.contains("unprotect web1 and protect it anew") && !remedy.contains("resync"))
        let stuck = ScrubCommand.remedy(for: [faults[1], "base: it was begun"], protection, at: "beta")
        #expect(!stuck.contains("start points before") && stuck.hasPrefix("to replicate again"))
        #expect(ScrubCommand.remedy(for: [faults[2]], protection, at: "beta").hasPrefix("a base image"))
        #expect(ScrubCommand.remedy(for: ["manifest: lost"], protection, at: "beta").contains("log of bascule-agent"))
    }
}
