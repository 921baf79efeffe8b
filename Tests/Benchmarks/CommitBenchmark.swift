import Foundation
import LocalSites
import Messages
import TestGuest

/// `commit_fold_mb_per_s`: how fast a commit puts the journal into the base, by the bytes and times of its own step.
struct CommitBenchmark {
    let stage: FailoverStage

    private static let mebibytesPerPoint = 128
    private static let points = 6

    func run(rounds: Int) async throws -> [Figure] {
        var rates: [Double] = []
        for round in 0..<rounds {
            // A commit ends the journal, so each round has a guest of its own.
            let guest = try await stage.bringUp("bf-fold-\(round)", diskBytes: 4 << 30)
            let protection = try await stage.protect(guest)
            for point in 1...Self.points {
                try await guest.tell("random \(Self.mebibytesPerPoint) \(point)", within: .seconds(120))
                try await stage.makePoints(1, of: protection)
            }
            // The source is lost before the failover, as in a disaster.
            try await stage.remove(guest)
            _ = try await stage.succeed(.unplanned, protection) { $0.point = .latest }
            let run = try await stage.succeed(.commit, protection)
            guard let step = run.steps.first(where: { $0.name == "commit-replica" }) else {
                throw LocalSitesError(
                    .late, "the commit has no step commit-replica", remedy: "nothing was reported")
            }
            try BenchStage.require(
                step.totalBytes > 256 << 20, "the journal was to be folded, not \(step.totalBytes) bytes")
            rates.append(Double(step.totalBytes) / 1_000 / Double(max(1, step.endedUnixMs - step.startedUnixMs)))
        }
        return [
            Figure(
                "commit_fold_mb_per_s", unit: "MB/s", ours: rates, atLeast: 100,
                note: "\(Self.points) points of \(Self.mebibytesPerPoint) MiB in random 64 KiB blocks")
        ]
    }
}
