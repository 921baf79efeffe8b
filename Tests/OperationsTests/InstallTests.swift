import Foundation
import Testing

/// What `make install` puts in place, what systemd says of the units, and what the services say of the samples.
@Suite(.serialized, .timeLimit(.minutes(5))) struct InstallTests {
    @Test func everythingIsPutInPlace() throws {
        let installed = try Installation(isStaged: true)
        for name in BuiltPrograms.names { #expect(try installed.mode("usr/bin/\(name)") == 0o755, "\(name)") }
        let others = [
            "usr/lib/bascule/libbascule-view-plugin.so", "usr/share/man/man1/bascule.1",
            "usr/share/doc/bascule/Install.md", "usr/share/doc/bascule/JSON.md", "usr/lib/sysusers.d/bascule.conf",
            "usr/share/bash-completion/completions/bascule", "usr/share/zsh/site-functions/_bascule",
            "usr/share/fish/vendor_completions.d/bascule.fish",
        ]
        let units = ["vault", "policy", "orchestrator", "worker@", "agent"].map {
            "usr/lib/systemd/system/bascule-\($0).service"
        }
        let samples = (ServiceSample.all.map(\.name) + ["bascule"]).flatMap {
            ["etc/bascule/\($0).yaml", "usr/share/doc/bascule/examples/\($0).yaml"]
        }
        for path in others + units + samples { #expect(try installed.mode(path) == 0o644, "\(path)") }
        for unit in units {
            let text = try installed.text(unit)
            #expect(
                !text.contains("@prefix@") && !text.contains("@sysconf@"), "\(unit) has a folder that is not filled in")
            let program = try #require(text.firstMatch(of: /ExecStart=(\S+)/)?.output.1)
            #expect(FileManager.default.isExecutableFile(atPath: installed.root + program), "\(unit): \(program)")
        }
        // A guest that runs from a recovery point keeps its disks when the agent is stopped.
        #expect(try installed.text("usr/lib/systemd/system/bascule-agent.service").contains("\nKillMode=process\n"))
        #expect(installed.said.contains("Next, as "))
    }

    @Test func settingsThatWereWrittenStay() throws {
        let installed = try Installation(isStaged: true)
        let own = "state: /srv/bascule/vault\n"
        try own.write(toFile: "\(installed.root)/etc/bascule/vault.yaml", atomically: true, encoding: .utf8)
        let said = try Installation.install(into: installed.root, isStaged: true)
        #expect(try installed.text("etc/bascule/vault.yaml") == own)
        #expect(said.contains("left as it is: \(installed.root)/etc/bascule/vault.yaml"))
        #expect(try installed.text("usr/share/doc/bascule/examples/vault.yaml") != own)
    }

    @Test func aFolderThatUnitsCannotNameIsRefused() throws {
        var environment = ProcessInfo.processInfo.environment
        environment["FROM"] = BuiltPrograms.folder
        for (folder, words) in [("/opt/my programs", "holds a character"), ("opt", "is not absolute")] {
            environment["PREFIX"] = folder
            let answer = try BuiltPrograms.run("\(BuiltPrograms.top)Scripts/install", [], environment: environment)
            #expect(answer.status == 64 && answer.errors.contains(words), "\(answer.errors)")
        }
        environment["PREFIX"] = "/usr"
        environment["FROM"] = "/nowhere"
        let answer = try BuiltPrograms.run("\(BuiltPrograms.top)Scripts/install", [], environment: environment)
        #expect(answer.status == 1 && answer.errors.contains("/nowhere/bascule is missing. Build first: make build"))
    }

    @Test(
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze"),
            "NO UNIT WAS VERIFIED: systemd-analyze is not here; install systemd, then repeat"))
    func systemdTakesEveryUnit() throws {
        let installed = try Installation(isStaged: false)
        let folder = "\(installed.root)/usr/lib/systemd/system"
        let units = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(units.count == 5)
        // Manual pages are in the folder for tests, where man does not look.
        let answer = try BuiltPrograms.run(
            "/usr/bin/systemd-analyze", ["verify", "--man=no"] + units.map { "\(folder)/\($0)" })
        // What it says of the machine's own units is not of ours.
        let words = (answer.output + answer.errors).split(separator: "\n").filter { $0.contains("bascule") }
        #expect(answer.status == 0 && words.isEmpty, "\(answer.output)\(answer.errors)")
    }

    @Test(arguments: ServiceSample.all) func aSampleHasEveryKeyWithItsStandardValue(sample: ServiceSample) throws {
        let keys = try sample.keys()
        #expect(
            keys.count > 4 && keys["logLevel"] == "info", "the help of \(sample.program) was not understood: \(keys)")
        let text = try String(contentsOfFile: BuiltPrograms.top + sample.file, encoding: .utf8)
        let lines = ServiceSample.lines(of: text)
        #expect(Set(lines.map(\.key)) == Set(keys.keys), "\(sample.file)")
        for line in lines {
            switch keys[line.key] {
            case .some(nil): #expect(!line.isRemark, "\(sample.file): \(line.key) is required")
            case .some(let standard): #expect(!line.isRemark || line.value == standard, "\(sample.file): \(line.key)")
            case nil: Issue.record("\(sample.file): \(sample.program) has no setting \(line.key)")
            }
        }
        for line in text.split(separator: "\n") { #expect(line.count <= 120, "\(sample.file): \(line)") }
    }

    @Test(arguments: ServiceSample.all) func aServiceRunsWithItsSample(sample: ServiceSample) throws {
        let folder = "/tmp/bsc-sample-\(UInt32.random(in: 0x1000_0000 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { BuiltPrograms.removeFolder(folder) }
        var environment = ProcessInfo.processInfo.environment
        // The sample itself is read; only what would touch the machine goes elsewhere.
        environment["BASCULE_LISTEN"] = "tcp://127.0.0.1:\(UInt16.random(in: 20_000...29_000))"
        if sample.name != "worker" { environment["BASCULE_STATE"] = "\(folder)/state" }
        if sample.name == "vault" { environment["BASCULE_PUBLISH"] = "tcp://127.0.0.1:*" }
        if sample.name == "agent" {
            environment["BASCULE_REPLICAS"] = "\(folder)/replicas"
            environment["BASCULE_BULK_LISTEN"] = "tcp://127.0.0.1:*"
            environment["BASCULE_HYPERVISOR"] = "qemu+unix:///system?socket=\(folder)/nobody"
        }
        let arguments = ["--config", BuiltPrograms.top + sample.file]
        let program = "\(BuiltPrograms.folder)/\(sample.program)"
        let service = Process()
        service.executableURL = URL(filePath: program)
        service.arguments = arguments
        service.environment = environment
        service.standardInput = FileHandle.nullDevice
        service.standardOutput = FileHandle.nullDevice
        let log = URL(filePath: "\(folder)/log")
        try Data().write(to: log)
        service.standardError = try FileHandle(forWritingTo: log)
        try service.run()
        let deadline = ContinuousClock.now + .seconds(60)
        var answer = "it was not asked"
        // It says its name whether or not it is well: what it works with is not there.
        while service.isRunning, ContinuousClock.now < deadline {
            answer = try BuiltPrograms.run(program, arguments + ["--ask-health"], environment: environment).output
            if answer.hasPrefix(sample.name) { break }
        }
        service.terminate()
        service.waitUntilExit()
        let words = String(decoding: try Data(contentsOf: log), as: UTF8.self)
        #expect(answer.hasPrefix(sample.name), "\(answer)\n\(words)")
        #expect(service.terminationReason == .exit && service.terminationStatus == 0, "\(words)")
    }

    /// Settings that the page tells people to write are settings of the service whose file it names.
    @Test func thePageSetsOnlyWhatThereIs() throws {
        let page = try String(contentsOfFile: BuiltPrograms.top + "Services/Installation/Install.md", encoding: .utf8)
        let operators = ServiceSample.lines(
            of: try String(
                contentsOfFile: BuiltPrograms.top + "Services/Installation/settings/bascule.yaml", encoding: .utf8))
        var blocks = 0
        for part in page.components(separatedBy: "```yaml\n").indices.dropFirst() {
            let parts = page.components(separatedBy: "```yaml\n")
            let block = try #require(parts[part].components(separatedBy: "```").first)
            let name = try #require(parts[part - 1].matches(of: /\/etc\/bascule\/([a-z]+)\.yaml/).last?.output.1)
            let known =
                name == "bascule" ? Set(operators.map(\.key)) : try Set(ServiceSample(name: "\(name)").keys().keys)
            for line in ServiceSample.lines(of: block) {
                #expect(known.contains(line.key), "Install.md: \(name).yaml has no setting \(line.key)")
            }
            blocks += 1
        }
        #expect(blocks == 6)
    }
}
