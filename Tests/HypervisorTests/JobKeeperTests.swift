import BlockDevice
import Foundation
import TestGuest
import Testing

@testable import Hypervisor

/// The child that ends backup jobs of an agent that died, with a `virsh` that keeps the jobs in files.
struct JobKeeperTests {
    @Test func aJobThatIsLeftIsEnded() async throws {
        let host = try FakeHost()
        defer { host.remove() }
        let keeper = host.keeper()
        try keeper.keep(guest: "g1", socket: "/c/bascule-1-7.sock")
        try host.begin("g1", socket: "/c/bascule-1-7.sock")
        keeper.leave()
        try await eventually { try !host.hasJob("g1") }
        try await eventually { !host.hasPermission }
        #expect(try host.log.first { $0.contains("domjobabort") } == "test:///default domjobabort g1")
    }

    @Test func aJobWhoseEndWasToldAndOneOfOthersStay() async throws {
        let host = try FakeHost()
        defer { host.remove() }
        let keeper = host.keeper()
        for guest in ["g1", "g2", "g3"] {
            try keeper.keep(guest: guest, socket: "/c/bascule-\(guest)-7.sock")
            try host.begin(guest, socket: "/c/bascule-\(guest)-7.sock")
        }
        try keeper.drop(guest: "g1")
        try host.begin("g2", socket: "/elsewhere/backup.sock")
        keeper.leave()
        try await eventually { !host.hasPermission }
        #expect(try host.hasJob("g1") && host.hasJob("g2") && !host.hasJob("g3"))
    }

    @Test func nothingIsLeftWhenTheLastJobEnded() async throws {
        let host = try FakeHost()
        defer { host.remove() }
        let keeper = host.keeper()
        try keeper.keep(guest: "g1", socket: "/c/bascule-1-7.sock")
        #expect(host.hasPermission)
        try keeper.drop(guest: "g1")
        try keeper.drop(guest: "g1")
        #expect(!host.hasPermission)
        keeper.leave()
        #expect(try host.log.isEmpty)
    }

    /// Each cycle ends with it.
    @Test func theEndOfTheLastJobWaitsForNoPause() throws {
        let host = try FakeHost()
        defer { host.remove() }
        // Whose child lets three seconds pass before it looks.
        let keeper = host.keeper(uri: "qemu:///embed?root=\(host.path)/v")
        let begun = ContinuousClock.now
        for _ in 1...3 {
            try keeper.keep(guest: "g1", socket: "/c/bascule-1-7.sock")
            try keeper.drop(guest: "g1")
        }
        #expect(ContinuousClock.now - begun < .seconds(3))
        #expect(try host.log.isEmpty)
    }

    /// The agent came back, and opened a capture under the same name.
    @Test func aJobOfAnAgentThatIsBackStays() async throws {
        let host = try FakeHost()
        defer { host.remove() }
        let (first, second) = (host.keeper(), host.keeper())
        try first.keep(guest: "g1", socket: "/c/bascule-1-7.sock")
        try host.begin("g1", socket: "/c/bascule-1-7.sock")
        try CaptureDirectory(host.path).remove(CaptureDirectory(host.path).keeper)
        try second.keep(guest: "g1", socket: "/c/bascule-1-7.sock")
        first.leave()
        try await eventually { try host.children == 1 }
        #expect(try host.hasJob("g1") && host.log.isEmpty)
        second.leave()
        try await eventually { try !host.hasJob("g1") }
    }

    @Test func aJobIsEndedOnlyWhenNobodyIsInAHandshakeWithIt() async throws {
        let host = try FakeHost()
        defer { host.remove() }
        let keeper = host.keeper()
        let socket = "\(host.path)/bascule-1-7.sock"
        let lock = open(HandshakeLock.file(ofSocket: socket), O_RDONLY | O_CREAT | O_CLOEXEC, 0o600)
        #expect(flock(lock, LOCK_SH) == 0 && FileManager.default.createFile(atPath: socket, contents: nil))
        try keeper.keep(guest: "g1", socket: socket)
        try host.begin("g1", socket: socket)
        keeper.leave()
        try await eventually { !FileManager.default.fileExists(atPath: socket) }
        // A fixed time, because it is nothing that is waited for: longer than what clients without a lock are left.
        try await Task.sleep(for: .milliseconds(500))
        #expect(try host.hasJob("g1"))
        close(lock)
        try await eventually { try !host.hasJob("g1") }
    }

    @Test func libvirtThatDoesNotAnswerIsAskedAgain() async throws {
        let host = try FakeHost()
        defer { host.remove() }
        let keeper = host.keeper()
        try keeper.keep(guest: "g1", socket: "/c/bascule-1-7.sock")
        try host.begin("g1", socket: "/c/bascule-1-7.sock")
        try host.fail("error: failed to connect to the hypervisor")
        keeper.leave()
        try await eventually { try host.log.count >= 2 }
        #expect(try host.hasJob("g1"))
        try host.answerAgain()
        try await eventually { try !host.hasJob("g1") }
    }

    @Test func aChildThatWasKilledIsReplacedAndHearsOfAllJobs() async throws {
        let host = try FakeHost()
        defer { host.remove() }
        let keeper = host.keeper()
        try keeper.keep(guest: "g1", socket: "/c/bascule-1-7.sock")
        try host.begin("g1", socket: "/c/bascule-1-7.sock")
        let child = try #require(try host.childIdentifiers.first)
        #expect(kill(child, SIGKILL) == 0)
        // Only a process that is wholly gone, but for being waited for, has closed its input.
        try await eventually { try String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8).contains(") Z ") }
        try keeper.keep(guest: "g2", socket: "/c/bascule-2-3.sock")
        try host.begin("g2", socket: "/c/bascule-2-3.sock")
        keeper.leave()
        try await eventually { try !host.hasJob("g1") && !host.hasJob("g2") }
    }

    private func eventually(_ holds: () throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try !holds() {
            try #require(ContinuousClock.now < deadline)
            // Looked at now and then, because a child process tells nobody what it did.
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}

/// A directory of captures, and a `virsh` whose jobs are the files `NAME.job` there.
private struct FakeHost {
    let path: String

    init() throws {
        path = "\(NSTemporaryDirectory())bsc-keeper-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let virsh = """
            #!/bin/bash
            shift 2; uri=$1 command=$2 guest=$3; cd "$(dirname "$0")"
            echo "$uri $command $guest" >>log
            if [ -e failure ]; then cat failure >&2; exit 1; fi
            if ! [ -e "$guest.job" ]; then echo "error: no domain backup job present" >&2; exit 1; fi
            case $command in backup-dumpxml) cat "$guest.job" ;; domjobabort) rm "$guest.job" ;; esac
            """
        // What a login of the user would run, and the child must not.
        try "exit 1\n".write(toFile: "\(path)/.bashrc", atomically: true, encoding: .utf8)
        try virsh.write(toFile: "\(path)/virsh", atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(path)/virsh")
    }

    func remove() { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }

    func keeper(uri: String = "test:///default") -> JobKeeper {
        JobKeeper(
            uri: uri, directory: CaptureDirectory(path),
            environment: ["PATH": "\(path):/usr/bin:/bin", "HOME": path])
    }

    func begin(_ guest: String, socket: String) throws {
        let job = "<domainbackup mode='pull'><server transport='unix' socket='\(socket)'/></domainbackup>"
        try job.write(toFile: "\(path)/\(guest).job", atomically: true, encoding: .utf8)
    }

    func hasJob(_ guest: String) throws -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(guest).job") }
    var hasPermission: Bool { FileManager.default.fileExists(atPath: CaptureDirectory(path).keeper) }

    func fail(_ words: String) throws {
        try words.write(toFile: "\(path)/failure", atomically: true, encoding: .utf8)
    }
    func answerAgain() throws { try FileManager.default.removeItem(atPath: "\(path)/failure") }

    /// What `virsh` was asked, line by line.
    var log: [String] {
        get throws {
            guard FileManager.default.fileExists(atPath: "\(path)/log") else { return [] }
            return try String(contentsOfFile: "\(path)/log", encoding: .utf8).split(separator: "\n").map(String.init)
        }
    }

    var children: Int { get throws { try childIdentifiers.count } }

    /// Children of any keeper of this host; each names its directory.
    var childIdentifiers: [pid_t] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.filter { process in
                // Processes end while this looks.
                guard let words = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") else { return false }
                let text = String(decoding: words, as: UTF8.self)
                return text.hasPrefix("bash\0--norc\0-c\0") && text.contains(CaptureDirectory(path).keeper)
            }
        }
    }
}
