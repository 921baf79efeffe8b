import Testing

@testable import FailoverOrchestrator

/// The vault holds a committed protection for nobody, so that it may be unprotected while a reversal is under way. Protected
/// anew, the guest may be at home where the reversal would stop it and take its disks.
@Suite struct UnprotectedMeanwhileTests {
    private static let orders: Set<String> = ["StopGuest", "SetSide", "AdoptDisks", "StartGuest"]

    private func runner(_ trouble: ModelRunner.Trouble = .none) throws -> ModelRunner {
        try ModelRunner(
            Samples.request(.reverse), in: RunStateMachineTests.Case.reverse.world(), trouble: trouble)
    }

    @Test func `a reversal of a guest that was unprotected gives no further order and ends`() throws {
        var undisturbed = try runner()
        try undisturbed.walk()
        let calls = undisturbed.asked
        #expect(calls.filter(Self.orders.contains).count >= 3, "\(calls)")
        for number in calls.indices {
            var runner = try runner(.unprotected(number))
            try runner.walk()
            guard case .failed(let cause) = runner.record.progress else {
                Issue.record("unprotected before \(calls[number]) it came to \(runner.record.progress)")
                continue
            }
            #expect(!cause.message.isEmpty && !cause.remedy.isEmpty)
            let later = runner.asked.dropFirst(number + 1).filter(Self.orders.contains)
            #expect(later.isEmpty, "unprotected before \(calls[number]) it went on with \(later)")
        }
    }

    /// The first order comes from the record as it was stored, in a process that has read nothing yet.
    @Test func `one that goes on after a restart looks first`() throws {
        var undisturbed = try runner()
        try undisturbed.walk()
        let first = try #require(undisturbed.asked.firstIndex { Self.orders.contains($0) })
        var killed = try runner(.killedInside(first - 1))
        try killed.walk()
        let look = try #require(killed.asked.dropFirst(first).first)
        #expect(look == "GetRegistry" || !Self.orders.contains(look), "\(killed.asked)")
        #expect(killed.record.progress == .succeeded)
    }

    @Test func `a silent vault keeps it waiting and is named`() throws {
        var undisturbed = try runner()
        try undisturbed.walk()
        let second = try #require(undisturbed.asked.lastIndex { Self.orders.contains($0) })
        var runner = try runner(.silent("vault", from: second - 1))
        try runner.walk(limit: 20_000)
        #expect(!runner.record.isEnded)
        #expect(runner.record.wait?.sentence.contains("vault does not answer") == true, "\(runner.record.wait as Any)")
        #expect(!runner.asked.dropFirst(second).contains { Self.orders.contains($0) })
        runner.heal()
        try runner.walk()
        #expect(runner.record.progress == .succeeded)
    }

    /// Before it is claimed the vault keeps it for no other run either. What is taken back has nothing to let go of then.
    @Test(arguments: [RunStateMachineTests.Case.planned, .failback, .unplanned])
    func `a run that finds nothing to claim ends`(which: RunStateMachineTests.Case) throws {
        let undisturbed = try which.undisturbed()
        let claim = try #require(undisturbed.asked.firstIndex { $0.hasPrefix("AdvanceFailover") })
        for number in 0...claim {
            var runner = try which.runner(.unprotected(number))
            try runner.walk()
            guard case .failed(let cause) = runner.record.progress else {
                Issue.record("unprotected before \(undisturbed.asked[number]) it came to \(runner.record.progress)")
                continue
            }
            #expect(!cause.message.isEmpty && !cause.remedy.isEmpty)
        }
    }
}
