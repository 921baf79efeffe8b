import Foundation
import LocalSites
import MessageBus
import Messages
import TestGuest

/// `delta_vs_virtnbdbackup` and `idle_cycle_ms`: single cycles that are asked for, of one protection.
struct DeltaBenchmark {
    /// What the guest writes before each delta: 3,808 blocks of 64 KiB at random places.
    private static let writtenMebibytes = 238
    /// Some blocks are hit twice, and the guest's own records come on top.
    private static let changedBytes: ClosedRange<UInt64> = 200_000_000...300_000_000

    let stage: BenchStage

    func run(rounds: Int, delta: Bool, idle: Bool) async throws -> [Figure] {
        var figures: [Figure] = []
        if idle { figures.append(try await idleCycles(max(20, rounds))) }
        if delta { figures.append(try await compareDeltas(rounds: rounds)) }
        return figures
    }

    private func idleCycles(_ count: Int) async throws -> Figure {
        var milliseconds: [Double] = []
        try await whileProtected { protection in
            for _ in 0..<count { milliseconds.append(Double(try await cycle(protection).report.durationMs)) }
        }
        return Figure(
            "idle_cycle_ms", unit: "ms", ours: milliseconds, atMost: 250, of: .median,
            note: "due to committed, nothing changed")
    }

    /// Both sides in turns, of the same guest, each after the guest wrote the same amount to random places.
    ///
    /// Because virtnbdbackup refuses a guest that has anybody else's checkpoint, each side begins with a full copy that
    /// is not timed, and takes its checkpoints away before the other's turn.
    private func compareDeltas(rounds: Int) async throws -> Figure {
        var ours: [Double] = []
        var peer: [Double] = []
        for round in 0..<rounds {
            // Who goes first alternates, because the first may find colder caches.
            if round.isMultiple(of: 2) { peer.append(try await peerDelta(seed: 2 * round + 1)) }
            ours.append(try await ourDelta(seed: 2 * round + 2))
            if !round.isMultiple(of: 2) { peer.append(try await peerDelta(seed: 2 * round + 1)) }
        }
        return Figure(
            "delta_vs_virtnbdbackup", unit: "s", ours: ours, peer: peer, peerName: "virtnbdbackup -l inc", atMost: 0.35,
            of: .ratio,
            note: "one cycle, asked for to committed; \(Self.writtenMebibytes) MiB in random 64 KiB blocks")
    }

    private func ourDelta(seed: Int) async throws -> Double {
        var taken = 0.0
        try await whileProtected { protection in
            try await write(seed: seed)
            let (seconds, report) = try await cycle(protection)
            try BenchStage.require(
                Self.changedBytes.contains(report.changedBytes),
                "about 250 MB were written, and the cycle says \(report.changedBytes)")
            taken = seconds
        }
        return taken
    }

    private func peerDelta(seed: Int) async throws -> Double {
        let folder = "\(stage.root)/peer-backup"
        try await virtnbdbackup(level: "full", folder)
        try await write(seed: seed)
        let before = try Self.allocatedBytes(of: folder)
        let seconds = try await PeerTool.seconds { try await virtnbdbackup(level: "inc", folder) }
        let copied = try Self.allocatedBytes(of: folder) - before
        try BenchStage.require(
            Self.changedBytes.contains(copied), "about 250 MB were written, and virtnbdbackup copied \(copied)")
        for checkpoint in try await checkpoints() {
            try await BenchStage.virsh("checkpoint-delete", stage.guest.name, checkpoint)
        }
        try FileManager.default.removeItem(atPath: folder)
        return seconds
    }

    private func write(seed: Int) async throws {
        try await stage.guest.tell("random \(Self.writtenMebibytes) \(seed)", within: .seconds(120))
    }

    private func virtnbdbackup(level: String, _ folder: String) async throws {
        try await PeerTool.run([
            "virtnbdbackup", "-U", "qemu:///system", "-d", stage.guest.name, "-l", level, "-o", folder,
        ])
    }

    private func checkpoints() async throws -> [String] {
        try await BenchStage.virsh("checkpoint-list", stage.guest.name, "--name").split(separator: "\n").map(
            String.init)
    }

    private static func allocatedBytes(of folder: String) throws -> UInt64 {
        var sum: UInt64 = 0
        for file in try FileManager.default.contentsOfDirectory(atPath: folder) {
            var status = stat()
            if stat("\(folder)/\(file)", &status) == 0, status.st_mode & S_IFMT == S_IFREG {
                sum += UInt64(status.st_blocks) * 512
            }
        }
        return sum
    }

    /// Seeds, runs `body` once the first cycle is told, and takes the protection away with everything it left behind.
    private func whileProtected(_ body: (String) async throws -> Void) async throws {
        let protection = try await stage.protectAndSeed()
        // Otherwise the first cycle could be taken for the one that `body` asks for.
        _ = try await eventually("the first cycle is reported", within: .seconds(10)) {
            try await self.stage.client.status(protection)?.last.cycle == 1 ? true : nil
        }
        try await body(protection)
        try await stage.unprotect(protection)
        _ = try await eventually("the guest has no checkpoint left", within: .seconds(60)) {
            try await self.checkpoints().isEmpty ? true : nil
        }
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
