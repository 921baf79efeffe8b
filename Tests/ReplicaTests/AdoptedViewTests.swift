import FoundationEssentials
import Glibc
import Repeatable
import Testing

@testable import Replica

/// Points upon adopted disks, served by nbdkit as to a guest.
@Suite(.enabled(if: NbdkitTools.missing.isEmpty && GuestImages.missing.isEmpty), .serialized)
struct AdoptedViewTests {
    private func prepared() throws -> ReplicaFixture {
        var guest = GuestModel()
        guest.add("vda", blocks: 300)
        var random = SeededRandom(seed: 5)
        guest.write(30, using: &random)
        let fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps)
        fixture.guest.write(10, using: &random)
        try fixture.cycle()
        return fixture
    }

    private func start(_ process: ViewProcess, output: String) throws -> pid_t {
        let identifier = try NbdkitTools.spawn([ViewProcess.executable] + process.arguments, output: output)
        try wait { access(process.readyFile, F_OK) == 0 }
        return identifier
    }

    private func wait(until condition: () throws -> Bool) throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try !condition(), ContinuousClock.now < deadline { poll(nil, 0, 10) }
        #expect(try condition())
    }

    private func isServedRightly(_ fixture: ReplicaFixture, _ view: ViewProcess, cycle: UInt64) throws -> Bool {
        let expected = fixture.parent + "/expected"
        let bytes = try #require(fixture.history[cycle]?["vda"])
        try Data(bytes).write(to: URL(fileURLWithPath: expected))
        let compare = ["compare", "-f", "raw", "-F", "raw", view.uri(disk: "vda"), expected]
        return try GuestImages.run(compare).contains("Images are identical")
    }

    /// A client of QEMU's, as a guest's disk is, notices nothing of a server that is killed and started again, while
    /// the base is folded beneath it.
    @Test func aKilledViewIsStartedAgainBeneathItsClient() throws {
        let fixture = try prepared()
        let view = try ViewProcess(
            plugin: NbdkitTools.plugin, replicaDirectory: fixture.directory, cycle: 8,
            socket: fixture.parent + "/view", lifetime: .outlivesStarter)
        let log = fixture.parent + "/nbdkit.log"
        try fixture.replica.markRunning(from: 8)
        let first = try start(view, output: log)
        #expect(try isServedRightly(fixture, view, cycle: 8))
        let go = fixture.parent + "/go"
        let said = fixture.parent + "/client.log"
        let script = """
            (echo "read 0 64k"; while [ ! -e \(go) ]; do sleep 0.02; done; echo "read 64k 1M"; echo quit) |
            qemu-io -r --image-opts driver=nbd,server.type=unix,server.path=\(view.socket),export=vda,reconnect-delay=60
            """
        let client = try NbdkitTools.spawn(["bash", "-c", script], output: said)
        try wait { try String(contentsOfFile: said, encoding: .utf8).contains("read 65536/65536") }
        kill(first, SIGKILL)
        #expect(NbdkitTools.wait(first) == SIGKILL)
        // What it had started ends with it.
        try wait { try GuestImages.servers(of: fixture.parent).isEmpty }
        try Data().write(to: URL(fileURLWithPath: go))
        try fixture.replica.settle(on: 8)
        try view.removeLeftovers()
        let second = try start(view, output: log)
        #expect(NbdkitTools.wait(client) == 0)
        let answer = try String(contentsOfFile: said, encoding: .utf8)
        #expect(answer.contains("read 1048576/1048576"))
        #expect(try isServedRightly(fixture, view, cycle: 8))
        kill(second, SIGTERM)
        #expect(NbdkitTools.wait(second) == 0)
        #expect(try GuestImages.servers(of: fixture.parent).isEmpty)
    }

    @Test func aFoldGoesOnBeneathAServedView() throws {
        let fixture = try prepared()
        let view = try RunningView(
            ViewProcess(
                plugin: NbdkitTools.plugin, replicaDirectory: fixture.directory, cycle: 8,
                socket: fixture.parent + "/view", lifetime: .outlivesStarter))
        #expect(try isServedRightly(fixture, view.process, cycle: 8))
        try fixture.replica.settle(on: 8)
        #expect(try isServedRightly(fixture, view.process, cycle: 8))
        #expect(try fixture.files("journal").count == 1)
        view.end()
        #expect(try GuestImages.servers(of: fixture.parent).isEmpty)
        _ = try fixture.replica.maintain(Retention(everyCycleSeconds: 0), nowUnixMilliseconds: .max)
        #expect(try fixture.files("journal").isEmpty)
        try fixture.checkImages(against: fixture.history[8])
    }
}
