import Foundation
import Glibc
import Repeatable
import Synchronization
import Testing

@testable import Replica

/// Points as disks, through nbdkit and the tools that operators use.
@Suite(.enabled(if: NbdkitTools.missing.isEmpty), .serialized)
struct ViewPluginTests {
    private func prepared() throws -> ReplicaFixture {
        let fixture = try ReplicaFixture()
        fixture.guest.add("vda", blocks: 700)
        fixture.guest.add("vdb", blocks: 9)
        fixture.guest.fill(0, blocks: 20..<300, with: 40)
        try fixture.cycle()
        var random = SeededRandom(seed: 21)
        for _ in 0..<6 {
            fixture.guest.write(6, using: &random)
            try fixture.cycle()
        }
        try fixture.replica.fold(upTo: 2)
        return fixture
    }

    private func serving(
        _ fixture: ReplicaFixture, cycle: UInt64?, _ body: (ViewProcess) throws -> Void
    ) throws {
        let view = try RunningView(
            ViewProcess(
                plugin: NbdkitTools.plugin, replicaDirectory: fixture.directory, cycle: cycle,
                socket: fixture.parent + "/view \(cycle ?? 0)", lifetime: .outlivesStarter))
        defer { view.end() }
        try body(view.process)
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    @Test func everyPointIsServedAsItWas() throws {
        let fixture = try prepared()
        for point in fixture.replica.points() {
            try serving(fixture, cycle: point.cycle) { view in
                for (target, bytes) in try #require(fixture.history[point.cycle]) {
                    let expected = fixture.parent + "/expected"
                    let copied = fixture.parent + "/copied"
                    try write(bytes, to: expected)
                    let uri = view.uri(disk: target)
                    let compared = try NbdkitTools.run(["qemu-img", "compare", "-f", "raw", "-F", "raw", uri, expected])
                    #expect(compared.contains("Images are identical"))
                    _ = try NbdkitTools.run(["nbdcopy", uri, copied])
                    let isEqual = try Array(Data(contentsOf: URL(fileURLWithPath: copied))) == bytes
                    #expect(isEqual, "cycle \(point.cycle), \(target)")
                    unlink(copied)
                }
            }
        }
    }

    @Test func exportsAreTheDisks() throws {
        let fixture = try prepared()
        try serving(fixture, cycle: nil) { view in
            let list = try NbdkitTools.run(["nbdinfo", "--list", view.uri(disk: "")])
            #expect(list.contains("export=\"vda\""))
            #expect(list.contains("export=\"vdb\""))
            #expect(list.contains("cycle 7"))
            let disk = try NbdkitTools.run(["nbdinfo", view.uri(disk: "vdb")])
            #expect(disk.contains("export-size: \(9 * 4_096)"))
            #expect(disk.contains("is_read_only: true"))
            #expect(disk.contains("can_multi_conn: true"))
            // No name stands for the first disk.
            #expect(try NbdkitTools.run(["nbdinfo", "--size", view.uri(disk: "")]) == "\(700 * 4_096)\n")
            #expect(throws: NbdkitTools.Failure.self) { try NbdkitTools.run(["nbdinfo", view.uri(disk: "vdc")]) }
        }
    }

    @Test func blockStatusTellsHolesFromData() throws {
        let fixture = try ReplicaFixture()
        fixture.guest.add("vda", blocks: 100)
        fixture.guest.fill(0, blocks: 10..<20, with: 1)
        try fixture.cycle()
        try fixture.replica.fold(upTo: 1)
        fixture.guest.fill(0, blocks: 15..<17, with: 0)
        fixture.guest.fill(0, blocks: 50..<60, with: 2)
        try fixture.cycle()
        try serving(fixture, cycle: 2) { view in
            let map = try NbdkitTools.run(["nbdinfo", "--map", view.uri(disk: "vda")])
            let extents = map.split(separator: "\n").map { line in
                line.split(separator: " ").prefix(3).map { Int($0) ?? -1 }
            }
            let block = 4_096
            #expect(
                extents == [
                    [0, 10 * block, 3], [10 * block, 5 * block, 0], [15 * block, 2 * block, 3],
                    [17 * block, 3 * block, 0], [20 * block, 30 * block, 3], [50 * block, 10 * block, 0],
                    [60 * block, 40 * block, 3],
                ])
        }
    }

    /// The point of a view stays while the owner commits, merges and wants to fold.
    @Test func aServedPointStaysWhileTheOwnerWorks() throws {
        let fixture = try prepared()
        let expected = fixture.parent + "/expected"
        try write(try #require(fixture.history[5]?["vda"]), to: expected)
        try serving(fixture, cycle: 5) { view in
            let compare = ["qemu-img", "compare", "-f", "raw", "-F", "raw", view.uri(disk: "vda"), expected]
            var random = SeededRandom(seed: 4)
            for round in 0..<4 {
                fixture.guest.write(5, using: &random)
                try fixture.cycle()
                _ = try fixture.replica.maintain(Retention(everyCycleSeconds: 0), nowUnixMilliseconds: .max)
                #expect(throws: ReplicaError.self) { try fixture.replica.fold(upTo: 6) }
                if round == 2 { try fixture.replica.merge([6, 7, 8]) }
                #expect(try NbdkitTools.run(compare).contains("Images are identical"))
            }
        }
        // Its lease went with it.
        try fixture.replica.fold(upTo: 8)
        try fixture.checkPoints()
    }

    @Test func aKilledViewGivesItsLeaseBack() throws {
        let fixture = try prepared()
        let process = try ViewProcess(
            plugin: NbdkitTools.plugin, replicaDirectory: fixture.directory, cycle: 5,
            socket: fixture.parent + "/killed", lifetime: .outlivesStarter)
        let output = fixture.parent + "/killed.log"
        let identifier = try NbdkitTools.spawn([ViewProcess.executable] + process.arguments, output: output)
        let deadline = ContinuousClock.now + .seconds(20)
        while access(process.readyFile, F_OK) != 0, ContinuousClock.now < deadline { poll(nil, 0, 10) }
        #expect(throws: ReplicaError.self) { try fixture.replica.fold(upTo: 6) }
        kill(identifier, SIGKILL)
        #expect(NbdkitTools.wait(identifier) == SIGKILL)
        try fixture.replica.fold(upTo: 6)
        #expect(try fixture.files("leases") == ["gate"])
    }

    /// nbdkit by itself would end with the thread, whatever its lifetime.
    @Test(arguments: [ViewProcess.Lifetime.endsWithStarter, .outlivesStarter])
    func aViewDoesNotMissTheThreadThatStartedIt(lifetime: ViewProcess.Lifetime) throws {
        let fixture = try prepared()
        let lifeline = try ViewLifeline()
        let process = try ViewProcess(
            plugin: NbdkitTools.plugin, replicaDirectory: fixture.directory, cycle: 5,
            socket: fixture.parent + "/thread", lifetime: lifetime)
        let started = Mutex<RunningView?>(nil)
        let thread = Thread {
            do {
                let view = try RunningView(process, input: lifeline.input)
                started.withLock { $0 = view }
            } catch {
                Issue.record(error)
            }
        }
        thread.start()
        let deadline = ContinuousClock.now + .seconds(20)
        while !thread.isFinished, ContinuousClock.now < deadline { poll(nil, 0, 10) }
        // The kernel lets go of a finished thread a moment later.
        poll(nil, 0, 200)
        let view = try #require(started.withLock { $0 })
        #expect(try NbdkitTools.run(["nbdinfo", "--size", process.uri(disk: "vda")]).isEmpty == false)
        view.end()
    }

    /// With a client connected and without one: the thread that started it is long gone, and nobody sends a signal.
    @Test(arguments: [true, false])
    func aViewEndsWhenItsStarterLetsGo(ofOneWithAClient hasClient: Bool) throws {
        let fixture = try prepared()
        let process = try ViewProcess(
            plugin: NbdkitTools.plugin, replicaDirectory: fixture.directory, cycle: 5,
            socket: fixture.parent + "/held", lifetime: .endsWithStarter)
        var lifeline: ViewLifeline? = try ViewLifeline()
        let log = fixture.parent + "/held.log"
        let identifier = try NbdkitTools.spawn(
            [ViewProcess.executable] + process.arguments, input: lifeline?.input, output: log)
        let deadline = ContinuousClock.now + .seconds(20)
        while access(process.readyFile, F_OK) != 0, ContinuousClock.now < deadline { poll(nil, 0, 10) }
        // It stays connected, because it waits for a command.
        let commands = try ViewLifeline()
        let said = fixture.parent + "/client.log"
        let client =
            try hasClient
            ? NbdkitTools.spawn(
                ["qemu-io", "-r", "-f", "raw", process.uri(disk: "vda")], input: commands.input, output: said) : nil
        while hasClient, ContinuousClock.now < deadline {
            if try String(contentsOfFile: said, encoding: .utf8).contains("qemu-io>") { break }
            poll(nil, 0, 10)
        }
        #expect(waitpid(identifier, nil, WNOHANG) == 0, "it serves while it is held")
        #expect(lifeline != nil)
        lifeline = nil
        #expect(NbdkitTools.wait(identifier) == 0, "it ended in order")
        if let client {
            kill(client, SIGKILL)
            _ = NbdkitTools.wait(client)
        }
        try fixture.replica.fold(upTo: 6)
        #expect(try fixture.files("leases") == ["gate"])
    }

    @Test(arguments: [
        ["point=3"], ["replica=/nonexistent"], ["replica=/tmp"], ["point=0"], ["point=x"], ["point=99"], ["speed=1"],
        ["lifeline=900"], ["lifeline=x"],
    ])
    func wrongParametersAreRefusedWithASentence(parameters: [String]) throws {
        let fixture = try prepared()
        var command = ["nbdkit", "--foreground", "--unix", fixture.parent + "/s", NbdkitTools.plugin]
        let needsReplica = parameters.allSatisfy { !$0.hasPrefix("replica") } && parameters != ["point=3"]
        if needsReplica { command.append("replica=\(fixture.directory)") }
        do {
            _ = try NbdkitTools.run(command + parameters + ["--run", "true"])
            Issue.record("nbdkit started")
        } catch let failure as NbdkitTools.Failure {
            #expect(failure.output.contains("nbdkit: error:"))
            #expect(!failure.output.contains("Fatal"))
        }
        let leases = try fixture.files("leases")
        #expect(leases.allSatisfy { $0 == "gate" })
    }

    @Test func aDamagedRecordIsAnErrorForTheClientAlone() throws {
        let fixture = try ReplicaFixture()
        fixture.guest.add("vda", blocks: 100)
        fixture.guest.fill(0, blocks: 0..<100, with: 1)
        try fixture.cycle()
        let url = URL(fileURLWithPath: fixture.directory + "/journal/0000000001.hrl")
        var bytes = try Data(contentsOf: url)
        for position in stride(from: 8_192, to: bytes.count / 2, by: 500) { bytes[position] ^= 1 }
        try bytes.write(to: url)
        try serving(fixture, cycle: 1) { view in
            let uri = view.uri(disk: "vda")
            #expect(throws: NbdkitTools.Failure.self) { try NbdkitTools.run(["nbdcopy", uri, "null:"]) }
            let size = try NbdkitTools.run(["nbdinfo", "--size", uri])
            #expect(size == "\(100 * 4_096)\n")
        }
    }
}
