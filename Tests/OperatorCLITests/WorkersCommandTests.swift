import Foundation
import MessageBus
import Messages
import Synchronization
import Testing

@testable import OperatorCLI

/// `bascule workers`.
@Suite struct WorkersCommandTests {
    @Test func workersAreListedDrainedAndResumed() async throws {
        let looks = Mutex(0)
        let status: @Sendable (WorkerState) -> PolicyReply.OneOf_Reply = { state in
            var worker = WorkerStatus()
            worker.description_p.id = "1"
            worker.description_p.name = "one"
            worker.description_p.controlEndpoint = "tcp://127.0.0.1:1"
            worker.slots = 2
            worker.rateBytesPerSecond = 12_900_000
            worker.state = state
            worker.lastSeenAgeMs = state == .unspecified ? -1 : 300
            if state == .draining {
                worker.jobs = 1
                var job = WorkerJob()
                job.guest = "web"
                job.diskTarget = "vda"
                job.kind = .full
                job.changedBytes = 64 << 20
                job.rateBytesPerSecond = 3_250_586
                worker.running = [job]
            }
            var list = WorkerList()
            list.workers = [worker]
            return .workers(list)
        }
        try await ScriptedServices.run(policy: { request in
            switch request {
            case .listWorkers:
                let look = looks.withLock { looks in
                    looks += 1
                    return looks
                }
                return status(look < 2 ? .draining : .drained)
            case .drainWorker(let order):
                guard order.name == "one" else { throw RemoteError(.notFound, "No replication worker named so.") }
                return status(.draining)
            case .resumeWorker: return status(.working)
            default: throw ScriptedServices.unexpected
            }
        }) { services in
            var console = RecordingConsole()
            #expect(await services.bascule("workers", "--jobs", console: console) == .ok)
            #expect(
                console.said.output.contains {
                    $0.contains("draining") && $0.contains("1 of 2") && $0.contains("12.3 MiB/s")
                })
            #expect(
                console.said.output.contains {
                    $0.contains("web") && $0.contains("64.0 MiB") && $0.contains("3.1 MiB/s")
                })
            console = RecordingConsole()
            #expect(await services.bascule("workers", "drain", "one", console: console) == .ok)
            #expect(console.said.output == ["one is drained: it runs no job and gets none. It can be stopped."])
            #expect(looks.withLock { $0 } >= 2, "it waited until the last job had ended")
            console = RecordingConsole()
            #expect(await services.bascule("workers", "drain", "one", "--no-wait", "--json", console: console) == .ok)
            #expect(console.said.output.first?.contains("\"state\":\"draining\"") == true)
            #expect(await services.bascule("workers", "drain", "typo") == .notFound)
            #expect(await services.bascule("workers", "resume", "one") == .ok)
        }
    }
}
