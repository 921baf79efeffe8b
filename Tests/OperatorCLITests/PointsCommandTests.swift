import MessageBus
import Messages
import Synchronization
import Testing

@testable import OperatorCLI

/// `bascule points`, with a scripted vault and agent.
@Suite struct PointsCommandTests {
    @Test func pointsComeFromTheTargetsAgentNewestFirst() async throws {
        let endpoint = Mutex("")
        let fault = Mutex("")
        try await ScriptedServices.run(
            vault: { _ in .snapshot(WireSamples.snapshot(agent: endpoint.withLock { $0 })) },
            agent: { request in
                if case .describeReplica(let asked) = request, asked.protection == WireSamples.protectionID {
                    var replica = ReplicaDescription()
                    replica.verificationFault = fault.withLock { $0 }
                    return .replica(replica)
                }
                guard case .listPoints(let asked) = request, asked.protection == WireSamples.protectionID else {
                    throw ScriptedServices.unexpected
                }
                var list = PointList()
                list.points = [WireSamples.point(3), WireSamples.point(4)]
                list.points[1].verified = true
                list.points[1].verifiedBy = .operator
                list.points[1].verifiedUnixMs = 9_000
                return .points(list)
            }
        ) { services in
            endpoint.withLock { $0 = services.agent.endpoint }
            let console = RecordingConsole()
            #expect(await services.bascule("points", "web1", "--json", console: console) == .ok)
            let text = try #require(console.said.output.first)
            #expect(text.contains(#""guest":"web1","host":"beta","points":[{"capturedUnixMilliseconds":4000,"#))
            #expect(text.contains(#""verified":true,"verifiedBy":"operator","verifiedUnixMilliseconds":9000}"#))
            #expect(text.contains(#""verified":false}"#), "who and when are left out")
            let table = RecordingConsole()
            #expect(await services.bascule("points", "web1", console: table) == .ok)
            #expect(table.said.output.count { $0.contains("operator") } == 1)
            #expect(!text.contains("verificationFault") && !table.said.output.contains { $0.contains("warning") })
            // What is not known of points is said, by whoever is asked for them.
            fault.withLock { $0 = "the checksum of its list is wrong" }
            let faulty = (RecordingConsole(), RecordingConsole())
            #expect(await services.bascule("points", "web1", console: faulty.0) == .ok)
            #expect(
                faulty.0.said.output.contains { $0.contains("no point counts as verified: the checksum of its list") })
            #expect(await services.bascule("points", "web1", "--json", console: faulty.1) == .ok)
            #expect(
                faulty.1.said.output.contains {
                    $0.contains(#""verificationFault":"the checksum of its list is wrong""#)
                })
            #expect(await services.bascule("points", "web9") == .notFound)
        }
    }
}
