import Foundation
import LocalSites
import MessageBus
import Messages
import TestGuest
import Testing

/// What becomes of served points when those who asked for them are killed.
@Suite(.serialized, .enabled(if: Prerequisites.met, "\(Prerequisites.missing ?? "")"))
struct ViewTests {
    /// A killed agent cannot end its views, so they end by themselves, with a client connected, too; the agent's next
    /// start removes their sockets.
    @Test(.timeLimit(.minutes(6)))
    func viewsEndWithAKilledAgent() async throws {
        try await Scenario.run("views", disks: [64 << 20], recordsPerSecond: 20, withOracle: false) { two, guest in
            let protection = try await two.client.protect(guest.name).id
            let newest = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))
            let served = try await open(newest, of: protection, two)
            _ = try await open(newest, of: protection, two)
            let views = ProcessUsage.children(of: try await two.sites.process("secondary").processIdentifier)
                .filter { $0.command == "nbdkit" }.map(\.identifier)
            #expect(views.count == 2)
            let client = try ManagedProcess(
                name: "client", executable: try Command.find("nbdsh"),
                arguments: ["-u", "nbd+unix:///vda?socket=\(served.socket)", "-c", "h.poll(600000)"],
                logPath: "\(two.sites.options.root)/client.log")

            try await two.sites.crash("secondary")
            _ = try await eventually("both views are gone", within: .seconds(10)) {
                views.contains(where: Self.isRunning) ? nil : true
            }
            await client.crash()
            try await two.sites.start("secondary")
            try await two.client.waitForPoint(after: newest + 1, of: protection, within: .seconds(90))
            #expect(!FileManager.default.fileExists(atPath: served.socket))
            try await two.quiesce(protection)
            #expect(try await Leftovers.find(of: guest, in: two.sites, protection: protection) == [])
        }
    }

    /// An export is kept for as long as its command runs, and ends when that one is killed.
    @Test(.timeLimit(.minutes(6)))
    func anExportEndsWithItsKilledCommand() async throws {
        try await Scenario.run("export", disks: [64 << 20], recordsPerSecond: 20, withOracle: false) { two, guest in
            let protection = try await two.client.protect(guest.name).id
            _ = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))
            try await two.quiesce(protection)
            let socket = "\(two.sites.options.root)/export.sock"
            let export = try ManagedProcess(
                name: "export", executable: "\(TwoSites.binaries)/bascule",
                arguments: ["export", guest.name, "--socket", socket],
                environment: ["BASCULE_VAULT": two.sites.vaultEndpoint, "BASCULE_POLICY": two.sites.policyEndpoint],
                logPath: "\(two.sites.options.root)/export.log")
            _ = try await eventually("the point is served", within: .seconds(30)) {
                FileManager.default.fileExists(atPath: socket) ? true : nil
            }
            let view = try #require(
                ProcessUsage.children(of: try await two.sites.process("secondary").processIdentifier)
                    .first { $0.command == "nbdkit" }?.identifier)
            // Longer than it would last without being kept.
            let kept = ContinuousClock.now + .seconds(25)
            _ = try await eventually("25 s are over", within: .seconds(40)) {
                try #require(Self.isRunning(view) && export.isRunning)
                return ContinuousClock.now > kept ? true : nil
            }
            await export.crash()
            _ = try await eventually("its view is gone", within: .seconds(30)) { Self.isRunning(view) ? nil : true }
            _ = try await eventually("its socket is gone", within: .seconds(10)) {
                FileManager.default.fileExists(atPath: socket) ? nil : true
            }
            #expect(try await Leftovers.find(of: guest, in: two.sites, protection: protection) == [])
        }
    }

    private func open(_ cycle: UInt64, of protection: String, _ two: TwoSites) async throws -> ViewOpened {
        var open = OpenView()
        open.protection = protection
        open.cycle = cycle
        guard case .viewOpened(let view) = try await two.client.secondary.agent(.openView(open), deadline: .seconds(30))
        else {
            throw Command.Failure(description: "OpenView was answered with something else")
        }
        return view
    }

    /// A process that has ended and was not buried yet runs no more.
    static func isRunning(_ identifier: Int32) -> Bool {
        guard let data = FileManager.default.contents(atPath: "/proc/\(identifier)/stat") else { return false }
        let stat = String(decoding: data, as: UTF8.self)
        return stat.split(separator: ")").last?.split(separator: " ").first != "Z"
    }
}
