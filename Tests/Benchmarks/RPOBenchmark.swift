import Foundation
import LocalSites
import MessageBus
import Messages
import TestGuest

/// `rpo_under_load_s`: age of the newest point while the guest writes as fast as the emulated processor allows.
struct RPOBenchmark {
    let stage: BenchStage

    func run(seconds: Int) async throws -> [Figure] {
        try await stage.client.putPolicy("bench", frequencySeconds: 1)
        let protection = try await stage.protectAndSeed()
        try await stage.client.waitForPoint(after: 3, of: protection, within: .seconds(60))
        let before = stage.guest.console.lastCommitted
        try await stage.guest.tell("fast")
        var ages: [Double] = []
        var cycles = Set<UInt64>()
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            if let status = try await stage.client.status(protection), status.newestPointAgeMs >= 0 {
                ages.append(Double(status.newestPointAgeMs) / 1_000)
                cycles.insert(status.newestCycle)
            }
            // A sample of the age is taken by the clock, because the age itself is what is measured.
            try await Task.sleep(for: .milliseconds(50))
        }
        try await stage.guest.tell("idle")
        let written = stage.guest.console.lastCommitted - before
        try BenchStage.require(
            written > 100 * UInt64(seconds), "the guest wrote only \(written) records, which is no load")
        let errors = stage.guest.console.writeErrors
        try BenchStage.require(errors.isEmpty, "the guest met I/O errors: \(errors)")
        let last = try await stage.client.status(protection)?.last.changedBytes ?? 0
        try await stage.unprotect(protection)
        try await stage.client.putPolicy("bench", frequencySeconds: 3_600)
        return [
            Figure(
                "rpo_under_load_s", unit: "s", ours: ages, atMost: 3, of: .percentile99,
                note: "age of the newest point every 50 ms for \(seconds) s, frequency 1 s; \(cycles.count) points, "
                    + "\(written) records of 4 KiB written, last cycle \(last >> 20) MiB")
        ]
    }
}
