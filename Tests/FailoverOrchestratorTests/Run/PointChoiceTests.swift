import Testing

@testable import FailoverOrchestrator

@Suite struct PointChoiceTests {
    private let points = [
        Samples.point(3), Samples.point(1, application: true), Samples.point(2, verified: true),
    ]
    private static let choices: [(PointChoice, UInt64)] = [
        (.latest, 3), (.latestApplicationConsistent, 1), (.latestVerified, 2), (.cycle(2), 2),
    ]

    @Test(arguments: choices)
    func `the point that is meant is chosen, whatever their order`(choice: PointChoice, cycle: UInt64) throws {
        #expect(try choice.point(among: points, host: "beta", guest: "web").cycle == cycle)
    }

    @Test(arguments: [PointChoice.latestApplicationConsistent, .latestVerified, .cycle(9)])
    func `a point that is not there is refused with what to do`(choice: PointChoice) throws {
        let error = #expect(throws: OrchestratorError.self) {
            try choice.point(among: [Samples.point(3)], host: "beta", guest: "web")
        }
        #expect(error?.code == .notFound)
        #expect(error?.message.contains("web") == true && error?.remedy.contains("“bascule points web”") == true)
    }

    @Test func `where none is verified, the answer says how one becomes so`() {
        let error = #expect(throws: OrchestratorError.self) {
            try PointChoice.latestVerified.point(among: [Samples.point(3)], host: "beta", guest: "web")
        }
        #expect(error?.remedy.contains("bascule failover web --test") == true)
    }

    @Test func `without any point there is nothing to choose`() {
        #expect(throws: OrchestratorError.self) {
            try PointChoice.latest.point(among: [], host: "beta", guest: "web")
        }
    }
}
