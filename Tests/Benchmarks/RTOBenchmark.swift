import Foundation
import LocalSites
import Messages
import TestGuest

/// `rto_test_failover_ms`: from the command to the started guest's first instruction, as the run itself reports it, for
/// a small and a huge disk, from the newest and from the oldest of many points.
struct RTOBenchmark {
    let stage: FailoverStage
    let points: Int

    func run(rounds: Int) async throws -> [Figure] {
        var figures: [Figure] = []
        for (size, bytes) in [("4gib", UInt64(4) << 30), ("1tib", UInt64(1) << 40)] {
            BenchLog.say("\(points) points of a guest with a disk of \(bytes >> 30) GiB …")
            let guest = try await stage.bringUp("bf-\(size)", diskBytes: bytes)
            let protection = try await stage.protect(guest)
            // Every point holds something: the guest counts on while they are made.
            try await guest.tell("rate 50")
            try await stage.makePoints(points - 1, of: protection)
            try await guest.tell("idle")
            let held = try await stage.client.points(protection).map(\.cycle)
            let measured = [("newest", held[held.count - 1]), ("oldest", held[held.count - points])]
            var runs: [UInt64: [Run]] = [:]
            for _ in 0..<max(3, rounds) {
                for (age, cycle) in measured {
                    let run = try await stage.succeed(.test, protection) {
                        $0.point = .cycle
                        $0.cycle = cycle
                    }
                    try BenchStage.require(run.rtoMs > 0, "the run knows when the guest's first instruction was")
                    BenchLog.say("\(size), \(age) point: \(RunTimes.line(run))")
                    runs[cycle, default: []].append(run)
                    _ = try await stage.succeed(.cleanup, protection)
                }
            }
            for (age, cycle) in measured {
                let seen = runs[cycle] ?? []
                figures.append(
                    Figure(
                        "rto_test_failover_\(size)_\(age)_ms", unit: "ms", ours: seen.map { Double($0.rtoMs) },
                        atMost: 1_500, of: .percentile99,
                        note: "test failover of one guest, \(age) of \(points) points; \(RunTimes.spread(seen))"))
            }
            try await stage.remove(guest)
        }
        return figures
    }
}
