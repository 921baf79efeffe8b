import DocumentedKeys
import Foundation
import MessageBus
import Messages
import Synchronization
import Testing

@testable import OperatorCLI

/// Every row of JSON.md: the documents of its commands have the keys that it promises, all of them and no others.
@Suite(.timeLimit(.minutes(2))) struct JSONDocumentTests {
    /// What is run for a row; together the documents have every key, also those that one of them leaves out.
    private static let runs: [String: [[String]]] = [
        "sites": [["sites"]], "sites add": [["sites", "add", "x"]], "sites remove": [["sites", "remove", "x"]],
        "clouds": [["clouds"]], "clouds add": [["clouds", "add", "x", "--site", "y"]],
        "clouds remove": [["clouds", "remove", "x"]], "pair": [["pair", "gold", "gold-dr"]],
        "unpair": [["unpair", "gold", "gold-dr"]], "hosts": [["hosts"]], "hosts remove": [["hosts", "remove", "beta"]],
        "guests": [["guests"]], "protect": [["protect", "web1", "db9"], ["protect", "web1", "--wait"]],
        "pause": [["pause", "web1"], ["pause", "web1", "--wait"]], "resume": [["resume", "web1"]],
        "resync": [["resync", "web1"], ["resync", "web1", "--wait"]], "trigger": [["trigger", "web1"]],
        "policy assign": [["policy", "assign", "gold", "--guest", "web1"]],
        "unprotect": [["unprotect", "web1", "--yes"]],
        "status": [["status"], ["status", "--policy-service", "tcp://127.0.0.1:1", "--deadline", "10"]],
        "points": [["points", "web1"]], "failover": [["failover", "web1", "--test"]],
        "cleanup": [["cleanup", "web1", "--yes"]], "commit": [["commit", "web1", "--yes"]],
        "cancel": [["cancel", "web1", "--yes"]], "change-point": [["change-point", "web1", "--point", "4", "--yes"]],
        "reverse": [["reverse", "web1", "--yes"]], "failback": [["failback", "web1", "--yes"]],
        "run resume": [["run", "resume", RunSamples.id]], "run abandon": [["run", "abandon", RunSamples.id, "--yes"]],
        "run show": [["run", "show", RunSamples.id]], "runs": [["runs"]], "networks": [["networks"]],
        "networks set": [["networks", "set", "gold", "gold-dr", "br0", "--target", "br1"]],
        "networks remove": [["networks", "remove", "gold", "gold-dr", "br0"]], "history": [["history", "web1"]],
        "policy list": [["policy", "list"]], "policy show": [["policy", "show", "gold"]],
        "policy set": [["policy", "set", "gold", "--frequency", "1s"]],
        "policy delete": [["policy", "delete", "gold"]],
        "export": [["export", "web1", "--run", "true"]], "scrub": [["scrub", "web1"]], "doctor": [["doctor"]],
        "workers": [["workers"]], "workers drain": [["workers", "drain", "w1"]],
        "workers resume": [["workers", "resume", "w1"]], "audit": [["audit"]], "health": [["health"]],
        "version": [["version"]],
    ]

    /// Shown by other tests: an event needs a publisher, the demo two hosts, `recover` a replica.
    private static let elsewhere: Set = [
        "events", "demo", "recover list", "recover verify", "recover start", "recover stop", "recover set-aside",
        "bascule-agent doctor",
    ]

    /// What one run cannot show: points of a directory need a replica there.
    private static let notHere: [String: Set<String>] = ["points": ["replica"]]

    @Test func everyRowIsChecked() throws {
        let documented = Set(try DocumentedKeys().commands.keys)
        #expect(documented == Set(Self.runs.keys).union(Self.elsewhere))
    }

    @Test(arguments: runs.keys.sorted()) func documentsHaveTheDocumentedKeys(command: String) async throws {
        let documented = try #require(try DocumentedKeys().commands[command])
        var seen: Set<String> = []
        for arguments in Self.runs[command] ?? [] {
            let console = RecordingConsole()
            _ = await JSONServices.run(arguments + ["--json"], console: console)
            #expect(console.said.output.count == 1, "\(arguments): \(console.said)")
            for document in console.said.output { seen.formUnion(try DocumentedKeys.keys(of: document)) }
        }
        let promised = documented.subtracting(Self.notHere[command] ?? [])
        #expect(seen.subtracting(documented) == [], "bascule \(command) --json says what JSON.md does not")
        #expect(promised.subtracting(seen) == [], "JSON.md promises what bascule \(command) --json does not say")
    }

    @Test func anEventHasTheDocumentedKeys() throws {
        var event = VaultEvent()
        event.site.name = "berlin"
        let document = try JSONDocument.text(try #require(EventRecord(wire: event)))
        #expect(try DocumentedKeys.keys(of: document) == DocumentedKeys().commands["events"])
    }

    @Test func theDemoAnswersWithOneDocument() throws {
        var report = DemoReport(
            seeding: Samples.cycle(1), cycles: [Samples.cycle(2)], objective: RecoveryPointObjective(), points: 2,
            journalBytes: 1,
            proof: .init(
                point: 2, witnessed: ["vda": "x"], served: ["vda": "x"], alone: ["vda": "x"], newestRecord: 3,
                faults: []), seconds: 80)
        report.objective.note(ageMilliseconds: 5)
        report.cycles[0].error = RemoteErrorRecord(code: "INTERNAL", message: "", remedy: "", facts: [:])
        report.outcomes = [
            DemoOutcome(
                act: "disaster", rpoMilliseconds: 1, rtoMilliseconds: 2, sentBytes: 3, recordsExpected: 4,
                recordsFound: 4, recordsAfterPoint: 5)
        ]
        let document = try JSONDocument.text(DemoDocument(report, leftBehind: [], files: "/tmp/x"))
        #expect(try DocumentedKeys.keys(of: document) == DocumentedKeys().commands["demo"])
        #expect(document.contains(#""succeeded":true"#))
        let left = DemoDocument(report, leftBehind: ["nbdkit"], files: nil)
        #expect(!left.succeeded, "what is left behind is a failure, as it is for people")
    }

    @Test func theStoryIsToldBesideTheDocument() {
        let console = RecordingConsole(width: 80, answer: "y")
        let telling = NarratingConsole(console)
        telling.print("one")
        telling.showScreen(["two", "three"])
        #expect(console.said.output == [] && console.said.errors == ["one", "two", "three"])
        #expect(telling.width == nil, "nothing is drawn over")
    }

    @Test func aWaitThatCannotEndIsOneDocumentAndAnError() async throws {
        for arguments in [["protect", "web1", "--wait"], ["resync", "web1", "--wait"]] {
            let console = RecordingConsole()
            let status = await JSONServices.run(arguments + ["--json"], console: console, state: .paused)
            #expect(status == .refused)
            #expect(console.said.output.count == 1 && console.said.output[0].contains(#""reached":false"#))
            #expect(console.said.errors.count == 1 && console.said.errors[0].contains("was paused meanwhile"))
        }
    }
}

/// Services that answer every request, with every field set that a document could leave out.
private enum JSONServices {
    static func run(
        _ arguments: [String], console: RecordingConsole, state: ProtectionState = .protected
    ) async -> CommandStatus {
        let endpoint = Mutex("")
        // What `resume` goes on with was paused before, and what `pause` waits for is.
        let state = ["pause", "resume"].contains(arguments.first) ? .paused : state
        let status = Mutex(CommandStatus.failed)
        do {
            try await ScriptedServices.run(
                vault: { try vault($0, state, agent: endpoint.withLock { $0 }) }, policy: policy,
                orchestrator: { request in
                    if case .listRuns = request {
                        var list = RunList()
                        list.runs = [RunSamples.succeeded(.planned)]
                        return .runs(list)
                    }
                    return .run(RunSamples.succeeded(.planned))
                }, agent: agent
            ) { services in
                endpoint.withLock { $0 = services.agent.endpoint }
                let found = await BasculeTool.run(
                    arguments, console: console,
                    environment: [
                        "BASCULE_VAULT": services.vault.endpoint, "BASCULE_POLICY": services.policy.endpoint,
                        "BASCULE_ORCHESTRATOR": services.orchestrator.endpoint,
                    ])
                status.withLock { $0 = found }
            }
        } catch {
            Issue.record("\(error)")
        }
        return status.withLock { $0 }
    }

    private static func vault(
        _ request: VaultRequest.OneOf_Request, _ state: ProtectionState, agent: String
    ) throws -> VaultReply.OneOf_Reply {
        switch request {
        case .getSnapshot:
            var snapshot = WireSamples.snapshot(agent: agent)
            snapshot.protections = [WireSamples.protection(state: state)]
            var network = NetworkMapping()
            network.source = "br0"
            var other = network
            other.source = "br9"
            snapshot.pairs[0].networks = [network, other]
            var finding = Finding()
            finding.rule = "raw-disk"
            snapshot.guests[1].findings = [finding]
            return .snapshot(snapshot)
        case .protect(let order):
            if order.guest == "db9" { throw RemoteError(.notFound, "There is no guest db9.", remedy: "") }
            return .protection(WireSamples.protection(state: .enabling))
        case .listAudit:
            var list = AuditList()
            list.entries = [AuditEntry()]
            return .auditList(list)
        case .changeState(let change): return .protection(WireSamples.protection(state: change.state))
        default: return .done(Done())
        }
    }

    private static func policy(_ request: PolicyRequest.OneOf_Request) throws -> PolicyReply.OneOf_Reply {
        var failure = CycleReport()
        failure.error.code = .unavailable
        switch request {
        case .getStatus:
            var list = StatusList()
            list.statuses = [WireSamples.status(newestCycle: 7, pending: 0)]
            list.statuses[0].lastFailure = failure
            list.statuses[0].last.error.code = .internal
            return .statuses(list)
        case .listPolicies, .putPolicy:
            var policy = ReplicationPolicy()
            policy.name = "gold"
            var window = BandwidthWindow()
            window.weekdays = 1
            window.toMinute = 60
            policy.bandwidthSchedule = [window]
            if case .putPolicy = request { return .policy(policy) }
            var list = PolicyList()
            list.policies = [policy]
            return .policies(list)
        case .getHistory:
            var history = History()
            history.cycles = [failure]
            return .history(history)
        case .listWorkers, .drainWorker, .resumeWorker:
            var worker = WorkerStatus()
            worker.description_p.name = "w1"
            worker.state = .drained
            worker.running = [WorkerJob()]
            var list = WorkerList()
            list.workers = [worker]
            return .workers(list)
        default: return .done(PolicyDone())
        }
    }

    private static func agent(_ request: AgentRequest.OneOf_Request) throws -> AgentReply.OneOf_Reply {
        switch request {
        case .listPoints:
            var list = PointList()
            list.points = [WireSamples.point(4)]
            list.points[0].verified = true
            list.points[0].verifiedBy = .guestAgent
            list.points[0].verifiedUnixMs = 9_000
            return .points(list)
        case .describeReplica:
            var replica = ReplicaDescription()
            replica.verificationFault = "damaged"
            return .replica(replica)
        case .openView:
            var disk = Disk()
            disk.target = "vda"
            var view = ViewOpened()
            view.view = "v"
            // A path that is there, because the command looks for it on this machine.
            view.socket = "/dev/null"
            view.disks = [disk]
            return .viewOpened(view)
        case .scrub:
            var progress = ScrubProgress()
            progress.finished = true
            return .scrubProgress(progress)
        case .doctorCheck:
            var report = DoctorReport()
            report.items = [DoctorReport.Item()]
            return .doctorReport(report)
        default: return .done(AgentDone())
        }
    }
}
