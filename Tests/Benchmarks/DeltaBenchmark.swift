import Foundation
import LocalSites
import MessageBus
import Messages
import TestGuest

/// `delta_vs_virtnbdbackup` and `idle_cycle_ms`: single cycles that are asked for, of one protection.
struct DeltaBenchmark {
    let stage: BenchStage

    func run(rounds: Int, delta: Bool, idle: Bool) async throws -> [Figure] {
        let protection = try await stage.protectAndSeed()
        var figures: [Figure] = []
        if idle {
            var milliseconds: [Double] = []
            for _ in 0..<max(20, rounds) { milliseconds.append(Double(try await cycle(protection).report.durationMs)) }
            figures.append(
                Figure(
                    "idle_cycle_ms", unit: "ms", ours: milliseconds, atMost: 250, of: .median,
                    note: "due to committed, nothing changed"))
        }
        if delta { figures.append(try await compareDeltas(protection, rounds: rounds)) }
        try await stage.unprotect(protection)
        return figures
    }

    /// Both sides read the same 250 MB: each round the guest writes once, and the two take turns in going first.
    private func compareDeltas(_ protection: String, rounds: Int) async throws -> Figure {
        let folder = "\(stage.root)/peer-backup"
        try await virtnbdbackup(level: "full", folder)
        _ = try await cycle(protection)
        var ours: [Double] = []
        var peer: [Double] = []
        for round in 0..<rounds {
            try await stage.guest.tell("random 238 \(round + 1)", within: .seconds(120))
            if round.isMultiple(of: 2) {
                peer.append(try await PeerTool.seconds { try await virtnbdbackup(level: "inc", folder) })
            }
            let (seconds, report) = try await cycle(protection)
            try BenchStage.require(
                report.changedBytes > 200_000_000, "about 250 MB were written, not \(report.changedBytes)")
            ours.append(seconds)
            if !round.isMultiple(of: 2) {
                peer.append(try await PeerTool.seconds { try await virtnbdbackup(level: "inc", folder) })
            }
        }
        return Figure(
            "delta_vs_virtnbdbackup", unit: "s", ours: ours, peer: peer, peerName: "virtnbdbackup -l inc", atMost: 0.35,
            of: .ratio, note: "one cycle, asked for to committed; 238 MiB in random 64 KiB blocks")
    }

    private func virtnbdbackup(level: String, _ folder: String) async throws {
        try await PeerTool.run([
            "virtnbdbackup", "-U", "qemu:///system", "-d", stage.guest.name, "-l", level, "-o", folder,
        ])
    }

    private func cycle(_ protection: String) async throws -> (seconds: Double, report: CycleReport) {
        let before = try await stage.client.status(protection)?.last.cycle ?? 0
        var trigger = TriggerCycle()
        trigger.protection = protection
        let wanted = trigger
        var report = CycleReport()
        let seconds = try await PeerTool.seconds {
            _ = try await stage.client.policy.policy(.triggerCycle(wanted))
            report = try await eventually("the cycle is committed", within: .seconds(120)) {
                let status = try await stage.client.status(protection)
                guard let last = status?.last, last.cycle > before else { return nil }
                return last
            }
        }
        return (seconds, report)
    }
}
