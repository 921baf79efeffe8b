import Replica
import Testing

@Suite struct ViewProcessTests {
    @Test func theCommandNamesPluginPointAndSocket() throws {
        let process = try ViewProcess(
            plugin: "/usr/lib/v.so", replicaDirectory: "/r/1", cycle: 7, socket: "/run/a b", lifetime: .endsWithStarter)
        #expect(
            process.arguments == [
                "--foreground", "--readonly", "--unix", "/run/a b", "--pidfile", "/run/a b.pid", "/usr/lib/v.so",
                "replica=/r/1", "point=7", "lifeline=0",
            ])
        #expect(process.uri(disk: "vda") == "nbd+unix:///vda?socket=/run/a%20b")
    }

    @Test func aViewOfTheNewestPointForAGuestOutlivesItsStarter() throws {
        let process = try ViewProcess(
            plugin: "v.so", replicaDirectory: "/r/1", cycle: nil, socket: "/run/a", lifetime: .outlivesStarter)
        #expect(
            process.arguments == [
                "--foreground", "--readonly", "--unix", "/run/a", "--pidfile", "/run/a.pid", "./v.so", "replica=/r/1",
            ])
    }

    @Test(arguments: ["relative", "", "/" + String(repeating: "x", count: 107)])
    func aSocketThatCannotBeIsRefused(socket: String) {
        #expect(throws: ReplicaError.self) {
            try ViewProcess(
                plugin: "v.so", replicaDirectory: "/r", cycle: nil, socket: socket, lifetime: .endsWithStarter)
        }
    }
}
