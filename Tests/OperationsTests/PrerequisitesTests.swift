import Foundation
import Testing

/// What `Scripts/install-prerequisites` says where it cannot install: on a machine that is not Debian, and without root.
@Suite struct PrerequisitesTests {
    /// A PATH with what the script itself needs, and the programs that a test gives it.
    private final class Machine {
        let folder: String

        init(swift version: String?) throws {
            folder = "/tmp/bsc-path-\(UInt32.random(in: 0x1000_0000 ... .max))"
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
            for name in ["bash", "env", "timeout", "sed", "head", "sort", "awk", "id", "grep", "touch"] {
                let found = ["/usr/bin", "/bin"].map { "\($0)/\(name)" }
                    .first(where: FileManager.default.isExecutableFile)
                try FileManager.default.createSymbolicLink(
                    atPath: "\(folder)/\(name)", withDestinationPath: try #require(found, "\(name) is not here"))
            }
            if let version { try put("swift", "echo 'Swift version \(version) (swift-\(version)-RELEASE)'") }
        }

        deinit { BuiltPrograms.removeFolder(folder) }

        func put(_ name: String, _ script: String) throws {
            let path = "\(folder)/\(name)"
            try "#!/bin/bash\n\(script)\n".write(toFile: path, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        }

        /// A Debian on which nothing is installed; whether packages were asked for is in `wasAsked`.
        func makeDebian() throws {
            try FileManager.default.createDirectory(
                atPath: "\(folder)/asked", withIntermediateDirectories: false)
            try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: "\(folder)/asked")
            try put("dpkg-query", "exit 1")
            for name in ["apt-get", "apt-cache"] { try put(name, "touch '\(folder)/asked/yes'; exit 100") }
        }

        var wasAsked: Bool { FileManager.default.fileExists(atPath: "\(folder)/asked/yes") }

        func run(_ arguments: [String], asNobody: Bool = false) throws -> BuiltPrograms.Answer {
            // Read from the standard input of a shell, because nobody may not see into the folders of whoever tests.
            let script = "\(folder)/install-prerequisites"
            try FileManager.default.copyItem(
                atPath: "\(BuiltPrograms.top)Scripts/install-prerequisites", toPath: script)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
            defer { BuiltPrograms.removeFolder(script) }
            let own = [script] + arguments
            let environment = ["PATH": folder, "HOME": "/nonexistent"]
            guard asNobody, geteuid() == 0 else {
                return try BuiltPrograms.run("/bin/bash", own, environment: environment)
            }
            return try BuiltPrograms.run(
                "/usr/bin/setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", "/bin/bash"] + own,
                environment: environment)
        }
    }

    @Test func whatIsNotDebianIsToldSoAndWhereToLook() throws {
        let answer = try Machine(swift: "6.3").run(["demo"])
        #expect(answer.status == 1)
        #expect(answer.errors.contains("this is not Debian or Ubuntu, so nothing can be installed for you."))
        #expect(answer.errors.contains("is shown by: Scripts/install-prerequisites --list demo"))
        // And that works there.
        let list = try Machine(swift: nil).run(["--list", "demo"])
        #expect(list.status == 0 && list.output.contains("libzmq3-dev "))
    }

    @Test func withoutRootNothingIsInstalledAndTheCommandIsSaid() throws {
        let machine = try Machine(swift: "6.3")
        try machine.makeDebian()
        let answer = try machine.run(["fuzz"], asNobody: true)
        #expect(answer.status == 1)
        #expect(answer.errors.contains("only root may install packages. Run this once, then repeat:"))
        let command = try #require(
            answer.errors.firstMatch(of: /sudo apt-get install --no-install-recommends (.*)/)?.output.1)
        #expect(command.split(separator: " ").contains("libzmq3-dev"))
        #expect(!command.contains("qemu"), "the door needs no guest")
        #expect(!machine.wasAsked, "nothing is installed without root")
        // To look is allowed to everybody.
        let look = try machine.run(["--check", "fuzz"], asNobody: true)
        #expect(look.status == 1 && look.errors.contains("'make fuzz' needs ") && !look.errors.contains("only root"))
    }

    /// Debian's would take Docker's own packages away; a client alone starts no container.
    @Test func anEngineOfAnotherOriginIsEnough() throws {
        let machine = try Machine(swift: "6.3")
        try machine.makeDebian()
        try machine.put("docker", "[ \"$1\" = compose ]")
        let client = try machine.run(["--check", "compose"])
        #expect(
            client.status == 1 && client.errors.contains(" docker.io ") && !client.errors.contains(" docker-compose "))
        try machine.put("dockerd", "exit 1")
        let engine = try machine.run(["--check", "compose"])
        #expect(engine.status == 1 && !engine.errors.contains(" docker.io ") && engine.errors.contains(" debootstrap "))
    }

    @Test(arguments: [(nil, "Swift is missing"), ("5.10", "Swift 5.10 is too old")] as [(String?, String)])
    func withoutAFittingSwiftItSaysWhichIsNeeded(version: String?, words: String) throws {
        let answer = try Machine(swift: version).run(["test"])
        #expect(answer.status == 1)
        #expect(answer.errors.contains(words) && answer.errors.contains("6.2 or later"), "\(answer.errors)")
    }

    @Test(arguments: [[], ["frobnicate"], ["all"]] as [[String]]) func aDoorThatIsNotThereIsAWrongCall(words: [String])
        throws
    {
        #expect(try Machine(swift: "6.3").run(words).status == 64)
    }
}
