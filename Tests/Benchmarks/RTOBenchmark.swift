import LocalSites
import Messages
import TestGuest

/// `rto_test_failover_ms`: from the command to the started guest's first instruction, as the run itself reports it, for
/// a small and a huge disk, from the newest and from the oldest of many points.
struct RTOBenchmark {
    let stage: FailoverStage
    var points = 500

    func run(rounds: Int) async throws -> [Figure] {
        var figures: [Figure] = []
        for (size, bytes) in [("4gib", UInt64(4) << 30), ("1tib", UInt64(1) << 40)] {
            let guest = try await stage.bringUp("bf-\(size)", diskBytes: bytes)
            let protection = try await stage.protect(guest)
            // Every point holds something: the guest counts on while they are made.
            try await guest.tell("rate 20")
            try await stage.makePoints(points, of: protection)
            try await guest.tell("idle")
            let held = try await stage.client.points(protection).map(\.cycle)
            var samples: [UInt64: [Double]] = [:]
            for _ in 0..<max(3, rounds) {
                for cycle in [held[held.count - 1], held[held.count - points]] {
                    let run = try await stage.succeed(.test, protection) {
                        $0.point = .cycle
                        $0.cycle = cycle
                    }
                    try BenchStage.require(run.rtoMs > 0, "the run knows when the guest's first instruction was")
                    samples[cycle, default: []].append(Double(run.rtoMs))
                    _ = try await stage.succeed(.cleanup, protection)
                }
            }
            for (age, cycle) in [("newest", held[held.count - 1]), ("oldest", held[held.count - points])] {
                figures.append(
                    Figure(
                        "rto_test_failover_\(size)_\(age)_ms", unit: "ms", ours: samples[cycle] ?? [], atMost: 1_500,
                        of: .percentile99, note: "test failover of one guest, \(age) of \(points) points"))
            }
            try await stage.remove(guest)
        }
        return figures
    }
}
