import Foundation
import Testing

@testable import Hypervisor

struct ChildProcessTests {
    @Test func whatAProgramSaysAndHowItEndsAreTold() throws {
        let result = try ChildProcess("sh", ["-c", "echo out; echo err >&2; exit 3"]).waitUntilEnd(within: .seconds(10))
        #expect(result == ProgramResult(exitCode: 3, isLate: false, output: "out\nerr\n"))
        #expect { try Program.run("sh", ["-c", "echo why; exit 1"]) } throws: {
            ($0 as? HypervisorError)?.cause == "why"
        }
    }

    @Test func aProgramThatDoesNotEndIsKilled() throws {
        let result = try ChildProcess("sleep", ["1000"]).waitUntilEnd(within: .milliseconds(50))
        #expect(result.isLate && result.exitCode == 128 + 9)
    }

    @Test func anAnswerIsWithoutWarningsAndAFailureIsSaidWithThem() throws {
        #expect(try Program.answer("sh", ["-c", "echo out; echo beware >&2"]) == "out\n")
        #expect { try Program.answer("sh", ["-c", "echo out; echo why >&2; exit 1"]) } throws: {
            ($0 as? HypervisorError)?.cause == "out; why"
        }
    }

    @Test func aProgramThatIsAbsentIsSaid() {
        #expect { try Program.run("bascule-no-such-program", []) } throws: {
            ($0 as? HypervisorError)?.code == .programFailed
        }
        #expect(!Program.isInstalled("bascule-no-such-program"))
    }

    /// Of a bash whose input is a socket, as of one that logs in from afar.
    @Test func aShellReadsNoSettingsOfItsUser() throws {
        let home = "\(NSTemporaryDirectory())bsc-home-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: home) } }
        try "echo hello; exit 1\n".write(toFile: "\(home)/.bashrc", atomically: true, encoding: .utf8)
        let child = try ChildProcess.shell("cat; echo $0", ["end"], environment: ["HOME": home])
        child.write("in\n")
        let result = child.waitUntilEnd(within: .seconds(10))
        #expect(result == ProgramResult(exitCode: 0, isLate: false, output: "in\nend\n"))
    }

    @Test func inputIsWrittenAndItsEndIsSeen() throws {
        let child = try ChildProcess("cat", [])
        child.write("hello\n")
        #expect(child.waitUntilEnd(within: .seconds(10)).output == "hello\n")
        // Writing to a program that has ended does no harm.
        let gone = try ChildProcess("true", [])
        for _ in 0..<100 { gone.write("nobody reads this\n") }
        #expect(gone.waitUntilEnd(within: .seconds(10)).exitCode == 0)
    }
}

struct GuestTurnsTests {
    @Test func oneGuestIsWorkedOnByOneAtATime() async {
        let turns = GuestTurns()
        let inside = Counter()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    await turns.take("a") {
                        let isAlone = await inside.enter()
                        #expect(isAlone)
                        await Task.yield()
                        await inside.leave()
                    }
                }
            }
        }
    }

    private actor Counter {
        private var count = 0

        func enter() -> Bool {
            count += 1
            return count == 1
        }

        func leave() { count -= 1 }
    }
}
