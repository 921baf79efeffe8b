import Testing

@testable import FailoverOrchestrator

/// The orchestrator's database was lost while a run held a protection: given up by its identifier, it lets go.
@Suite struct LostRunTests {
    /// A bench whose book is empty, and whose vault knows the run.
    private func bench(active: Side) -> BookBench {
        var bench = BookBench()
        bench.world.entry = Samples.entry(.failingOver, active: active, run: Samples.run)
        bench.world.entry.failoverCycle = active == .target ? 3 : 0
        return bench
    }

    @Test(arguments: Side.allCases)
    func `the protection is let go of, as far as the vault knows it`(active: Side) throws {
        var bench = bench(active: active)
        let refused = bench.start(.unplanned, id: BookBench.other)
        guard case .failure(let error) = refused else {
            Issue.record("it began")
            return
        }
        #expect(error.facts["rule"] == "held" && error.remedy.contains("“bascule run abandon 22222222”"))
        let told = bench.refusal { $0.send(.abandon("22222222")) }
        #expect(told == "done")
        try bench.walk { $0.record?.isEnded == true }
        #expect(bench.world.entry.run.isEmpty && bench.world.entry.activeSide == active)
        #expect(bench.world.entry.state == (active == .target ? .commitPending : .protected))
        for (id, host) in ModelWorld().hosts {
            let now = try #require(bench.world.hosts[id])
            #expect(
                now.generation == host.generation && now.isActive == host.isActive && now.guestRuns == host.guestRuns)
        }
        let record = try #require(bench.record)
        try record.checkInvariants()
        guard case .failed(let cause) = record.progress else {
            Issue.record("it ended as \(record.progress)")
            return
        }
        #expect(cause.message.contains(active == .target ? "beta is the active side" : "alpha is the active side"))
        #expect(cause.remedy.contains("web"))
    }

    /// The vault was put back to a time at which the run was under way.
    @Test func `a run that has ended and is held to be under way lets go, and only then`() throws {
        var bench = BookBench()
        #expect(bench.start(.planned).isDone)
        #expect(bench.abandon() == "done")
        try bench.walk { $0.record?.isEnded == true }
        let early = bench.refusal { $0.send(.abandon("22222222")) }
        #expect(early == "`FAILED_PRECONDITION`")
        bench.world.entry = Samples.entry(.failingOver, active: .source, run: Samples.run)
        let told = bench.refusal { $0.send(.abandon("22222222")) }
        #expect(told == "done")
        try bench.walk { $0.record?.isEnded == true }
        #expect(bench.world.entry.run.isEmpty && bench.world.entry.state == .protected)
        #expect(bench.book.records.map(\.id) == [Samples.run])
        try bench.restart()
        #expect(bench.record?.isEnded == true)
    }

    @Test func `a run that holds nothing stays unknown`() {
        var bench = BookBench()
        bench.world.entry = Samples.entry(.failingOver, run: "33333333-3333-4333-8333-333333333333")
        let told = bench.refusal { $0.send(.abandon("22222222")) }
        #expect(told == "`NOT_FOUND`" && bench.book.records.isEmpty)
        let short = bench.refusal { $0.send(.abandon("3333")) }
        #expect(short == "`INVALID_ARGUMENT`")
    }
}

extension Result {
    fileprivate var isDone: Bool {
        switch self {
        case .success: true
        case .failure: false
        }
    }
}
