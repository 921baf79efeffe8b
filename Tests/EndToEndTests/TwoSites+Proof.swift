import Foundation
import LocalSites
import MessageBus
import Messages
import TestGuest
import Testing

extension TwoSites {
    /// Serves a point read-only, as `bascule export` does, and hands its socket to `body`.
    func withView<Result>(
        of protection: String, cycle: UInt64, at agent: RequestClient? = nil,
        _ body: (_ socket: String) async throws -> Result
    ) async throws -> Result {
        let agent = agent ?? client.secondary
        var open = OpenView()
        open.protection = protection
        open.cycle = cycle
        guard case .viewOpened(let view) = try await agent.agent(.openView(open), deadline: .seconds(30))
        else {
            throw Command.Failure(description: "OpenView was answered with something else")
        }
        var close = CloseView()
        close.view = view.view
        do {
            let result = try await body(view.socket)
            _ = try await agent.agent(.closeView(close), deadline: .seconds(30))
            return result
        } catch {
            _ = try await agent.agent(.closeView(close), deadline: .seconds(30))
            throw error
        }
    }

    /// Compares every listed point, disk by disk, with what the oracle saw at its capture.
    ///
    /// - Returns: one sentence per difference, and the cycles whose points were found to be right, rising.
    func comparePoints(
        of protection: String, disks: [String], after cycle: UInt64 = 0, at agent: RequestClient? = nil
    ) async throws -> (compared: [UInt64], faults: [String]) {
        var faults: [String] = []
        var compared: [UInt64] = []
        let points = try await client.points(protection, at: agent).filter { $0.cycle > cycle }
        for point in points {
            let before = faults.count
            try await withView(of: protection, cycle: point.cycle, at: agent) { socket in
                for disk in disks {
                    guard let expected = oracle.expected(cycle: point.cycle, disk: disk) else {
                        faults.append("cycle \(point.cycle), \(disk): the oracle saw no capture")
                        continue
                    }
                    let found = try await CaptureOracle.hash(of: "nbd+unix:///\(disk)?socket=\(socket)")
                    if found != expected { faults.append("cycle \(point.cycle), \(disk): \(found), was \(expected)") }
                }
            }
            if faults.count == before { compared.append(point.cycle) }
        }
        return (compared, faults)
    }

    /// The newest record that a point holds, after the whole sequence up to it was found unbroken and untorn.
    func newestRecord(
        of guest: TestGuest, protection: String, cycle: UInt64, at agent: RequestClient? = nil
    ) async throws -> UInt64 {
        try await withView(of: protection, cycle: cycle, at: agent) { socket in
            var images: [String] = []
            defer { for image in images { unlink(image) } }
            for index in guest.disks.indices {
                let image = "\(sites.options.root)/point-\(cycle)-\(index).raw"
                images.append(image)
                try await Command.run(["nbdcopy", "nbd+unix:///\(guest.diskTarget(index))?socket=\(socket)", image])
            }
            return try RecordChecker(layout: guest.layout).check(images: images)
        }
    }

    /// The first cycle after `cycle` that ended well and whose capture was of the guest at rest, or of the guest running.
    func firstCycle(of protection: String, after cycle: UInt64, offline: Bool) async throws -> UInt64 {
        try await eventually(
            "a cycle of the guest \(offline ? "at rest" : "running") after \(cycle)", within: .seconds(90)
        ) {
            try await self.client.history(protection).first {
                $0.cycle > cycle && !$0.hasError && $0.offline == offline
            }?.cycle
        }
    }

    /// What was done, with the cycle of a point in it: the target lists a point before the policy service hears of it.
    func history(of protection: String, with point: UInt64) async throws -> [CycleReport] {
        try await eventually("cycle \(point) is in the history", within: .seconds(30)) {
            let history = try await self.client.history(protection)
            return history.contains { $0.cycle == point && !$0.hasError } ? history : nil
        }
    }

    /// Pauses, and waits until no cycle is open and none will be: the policy service hears of it from the vault, and may
    /// begin one more before it does.
    func quiesce(_ protection: String) async throws {
        try await client.changeState(protection, to: .paused)
        let paused = try #require(try await client.protection(protection)).version
        _ = try await eventually("the policy service rests", within: .seconds(60)) {
            let status = try await self.client.status(protection)
            return status?.cycleOpen == false && (status?.protectionVersion ?? 0) >= paused ? true : nil
        }
    }
}
