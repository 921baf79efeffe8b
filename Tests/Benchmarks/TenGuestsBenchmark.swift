import Foundation
import LocalSites
import Messages
import TestGuest

/// `plan_free_rto_10_guests_s`: ten failovers asked for at once, until the last guest's first instruction.
struct TenGuestsBenchmark {
    let stage: FailoverStage
    let count: Int

    func run(rounds: Int) async throws -> [Figure] {
        var guests: [TestGuest] = []
        var protections: [String] = []
        for number in 1...count {
            BenchLog.say("bringing up guest \(number) of \(count) …")
            let guest = try await stage.bringUp("bf-ten-\(number)", diskBytes: 256 << 20, memoryMebibytes: 128)
            guests.append(guest)
            protections.append(try await stage.protect(guest))
        }
        var seconds: [Double] = []
        var note = ""
        for _ in 0..<rounds {
            let runs = try await withThrowingTaskGroup(of: Run.self) { group in
                for protection in protections {
                    group.addTask { try await stage.succeed(.test, protection) { $0.point = .latest } }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            try BenchStage.require(runs.allSatisfy { $0.rtoMs > 0 }, "every run knows its guest's first instruction")
            // All were asked for at once, but not in the same millisecond: counted from the first request.
            let first = runs.map(\.startedUnixMs).min() ?? 0
            let last = runs.map { $0.startedUnixMs + $0.rtoMs }.max() ?? 0
            seconds.append(Double(last - first) / 1_000)
            for run in runs.sorted(by: { $0.rtoMs < $1.rtoMs }) { BenchLog.say(RunTimes.line(run)) }
            note = RunTimes.spread(runs)
            for protection in protections { _ = try await stage.succeed(.cleanup, protection) }
        }
        for guest in guests { try await stage.remove(guest) }
        return [
            Figure(
                "plan_free_rto_\(count)_guests_s", unit: "s", ours: seconds, atMost: 15, of: .percentile99,
                note: "\(count) test failovers at once; the aim is what ten in a row may take; last round: \(note)")
        ]
    }
}
