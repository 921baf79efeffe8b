import Foundation
import Testing

/// `Compose/agent-entrypoint` beside a libvirt that is the machine's: guests go on when the container ends.
@Suite struct AgentEntrypointTests {
    /// A container's state, and what stands in for the agent and for virsh.
    private final class Container {
        let folder: String
        var captures: String { "\(folder)/captures" }

        init(agent: String, virsh: String = "exit 0") throws {
            folder = "/tmp/bsc-entry-\(UInt32.random(in: 0x1000_0000 ... .max))"
            try FileManager.default.createDirectory(atPath: "\(folder)/bin", withIntermediateDirectories: true)
            for (name, script) in [("bascule-agent", agent), ("virsh", virsh)] {
                let path = "\(folder)/bin/\(name)"
                try "#!/bin/bash\n\(script)\n".write(toFile: path, atomically: true, encoding: .utf8)
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
            }
        }

        deinit { BuiltPrograms.removeFolder(folder) }

        /// Runs it to its end; with `stops`, SIGTERM is sent once the agent has made the file `ready`.
        func run(stops: Bool = false) throws -> BuiltPrograms.Answer {
            let stop = "until [ -e \"$BASCULE_STATE/ready\" ]; do sleep 0.05; done; kill -TERM $!"
            // Programs inherit what their thread holds back, which in a pool is every signal, SIGTERM too.
            var none = sigset_t()
            var before = sigset_t()
            sigemptyset(&none)
            pthread_sigmask(SIG_SETMASK, &none, &before)
            defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
            return try BuiltPrograms.run(
                "/usr/bin/timeout",
                ["60", "/bin/bash", "-c", "bash \"$0\" & \(stops ? stop : ":"); wait $!", script],
                environment: [
                    "PATH": "\(folder)/bin:/usr/bin:/bin", "BASCULE_STATE": folder,
                    "BASCULE_HYPERVISOR": "test:///machine",
                ])
        }

        private var script: String { "\(BuiltPrograms.top)Compose/agent-entrypoint" }

        func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(folder)/\(name)") }
    }

    private static let guest = "5f2d1a30-7c7e-4a55-9c0e-0f3f6a1b2c4d"

    @Test func aGuestThatADeadAgentLeftFrozenIsThawed() throws {
        let container = try Container(
            agent: "touch \"$BASCULE_STATE/captures/bascule-\(Self.guest).frozen\"; kill -KILL $$",
            virsh: "printf '%s ' \"$@\" >>\"$BASCULE_STATE/asked\"")
        let answer = try container.run()
        #expect(answer.status == 128 + SIGKILL)
        #expect(
            try String(contentsOfFile: "\(container.folder)/asked", encoding: .utf8)
                == "--quiet --connect test:///machine domfsthaw \(Self.guest) ")
        #expect(answer.errors.contains("guest \(Self.guest) was thawed"))
        #expect(container.exists("captures/bascule-\(Self.guest).frozen"), "the agent's next start looks once more")
    }

    @Test func whoCouldNotBeThawedIsNamed() throws {
        let answer = try Container(
            agent: "touch \"$BASCULE_STATE/captures/bascule-\(Self.guest).frozen\"; exit 3", virsh: "exit 1"
        ).run()
        #expect(answer.status == 3)
        #expect(
            answer.errors.contains("guest \(Self.guest) was not thawed. If it runs, on the machine: virsh domfsthaw"))
    }

    /// 6 s, because after 4 an agent is left whose guests end with it.
    @Test func anAgentHasTheTimeToCloseItsCaptures() throws {
        let container = try Container(
            agent: """
                trap 'sleep 6; touch "$BASCULE_STATE/closed"; exit 0' TERM
                touch "$BASCULE_STATE/ready"
                while :; do sleep 0.05; done
                """)
        let answer = try container.run(stops: true)
        #expect(answer.status == 0 && answer.errors.isEmpty, "\(answer)")
        #expect(container.exists("closed"))
    }

    /// It was given to whom QEMU runs as, and captures that are open are in it.
    @Test func theFolderOfCapturesStaysWhoseItIs() throws {
        let container = try Container(agent: "exit 3")
        let owner: UInt32 = geteuid() == 0 ? 64_055 : geteuid()
        try FileManager.default.createDirectory(
            atPath: container.captures, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
        try #require(chown(container.captures, owner, geteuid() == 0 ? 64_055 : getegid()) == 0)
        #expect(try container.run().status == 3)
        var status = stat()
        try #require(stat(container.captures, &status) == 0)
        #expect(status.st_uid == owner && status.st_mode & 0o7777 == 0o770)
    }
}
