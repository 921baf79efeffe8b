import Foundation
import LocalSites
import MessageBus
import Messages
import TestGuest

/// `initial_vs_nbdcopy`, `cpu_seconds_per_gb` and `peak_resident_mib`: protect to first committed point, against `nbdcopy --flush` of the
/// same guest's fleecing export to a local file.
struct InitialBenchmark {
    let stage: BenchStage

    func run(rounds: Int) async throws -> [Figure] {
        var ours: [Double] = []
        var peer: [Double] = []
        var cpu: [Double] = []
        for round in 0..<rounds {
            // Who goes first alternates, because the first may find colder caches.
            if round.isMultiple(of: 2) { peer.append(try await copyWithPeer()) }
            let before = try await stage.cpuSeconds()
            var protection = ""
            ours.append(try await PeerTool.seconds { protection = try await stage.protectAndSeed() })
            let seeded = protection
            let moved = try await eventually("the first cycle is reported", within: .seconds(10)) {
                let last = try await stage.client.status(seeded)?.last
                return last.flatMap { $0.cycle > 0 ? $0.changedBytes : nil }
            }
            try BenchStage.require(
                moved > 2_000_000_000, "2 GiB of random data must have been read, not \(moved) bytes")
            cpu.append((try await stage.cpuSeconds() - before) / (Double(moved) / 1e9))
            try await stage.unprotect(protection)
            if !round.isMultiple(of: 2) { peer.append(try await copyWithPeer()) }
        }
        return [
            Figure(
                "initial_vs_nbdcopy", unit: "s", ours: ours, peer: peer, peerName: "nbdcopy --flush", atMost: 1.25,
                of: .ratio, note: "protect to first committed point, sealed, two workers, TCP loopback"),
            Figure(
                "cpu_seconds_per_gb", unit: "s/GB", ours: cpu, atMost: 1.5, of: .median,
                note: "both workers and the target's agent, per 10^9 bytes read"),
            Figure(
                "peak_resident_mib", unit: "MiB", ours: try await peakMebibytes(), atMost: 256, of: .maximum,
                note: "largest resident set (VmHWM) after the last round, of each worker and each agent"),
        ]
    }

    private func peakMebibytes() async throws -> [Double] {
        var peaks: [Double] = []
        for name in ["worker-1", "worker-2", "primary", "secondary"] {
            let usage = try ProcessUsage(of: try await stage.sites.process(name).processIdentifier)
            peaks.append(Double(usage.peakResidentBytes) / Double(1 << 20))
        }
        return peaks
    }

    private func copyWithPeer() async throws -> Double {
        let socket = "\(stage.root)/peer.sock"
        let backup = "\(stage.root)/peer.xml"
        let copy = "\(stage.root)/peer.raw"
        try """
        <domainbackup mode='pull'>
          <server transport='unix' socket='\(socket)'/>
          <disks><disk name='vda' backup='yes' type='file'><scratch file='\(stage.root)/peer.scratch'/></disk></disks>
        </domainbackup>
        """.write(toFile: backup, atomically: true, encoding: .utf8)
        try await BenchStage.virsh("backup-begin", stage.guest.name, backup)
        let seconds = try await PeerTool.seconds {
            try await PeerTool.run(["nbdcopy", "--flush", "nbd+unix:///vda?socket=\(socket)", copy])
        }
        try await BenchStage.virsh("domjobabort", stage.guest.name)
        unlink(copy)
        return seconds
    }
}
