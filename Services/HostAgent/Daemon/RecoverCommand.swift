import ArgumentParser
import FoundationEssentials
import Glibc
import HostAgent
import Hypervisor
import Logging
import Messages
import ServiceRuntime

/// `bascule-agent recover`: what an operator does when nothing but this host is left.
struct RecoverCommand: AsyncParsableCommand {
    enum Action: String, ExpressibleByArgument, CaseIterable {
        case list, verify, start, stop
        case setAside = "set-aside"
    }

    static let configuration = CommandConfiguration(
        commandName: "recover", abstract: "Starts a guest from its replica alone: no other service is needed.",
        discussion: """
            list                  shows the replicas of this host
            verify PROTECTION     reads a replica once and checks every checksum
            start PROTECTION      makes this the active side and starts the guest
            stop PROTECTION       removes that guest, and what it wrote, so that another point can be started
            set-aside PROTECTION  verifies a replica, and moves its first damaged log and every later one into its
                                  folder damaged, so that replication can go on; the agent has to be stopped

            When the other services return they learn what happened. The other side's guest is fenced then.
            Ends with 0 (done), 1 (failed), 3 (not found), 4 (refused), 5 (no answer) or 6 (damaged data).

            EXAMPLES
              bascule-agent recover --config /etc/bascule/agent.yaml list
              bascule-agent recover --config /etc/bascule/agent.yaml verify web1
              bascule-agent recover --config /etc/bascule/agent.yaml start web1 --point verified
              bascule-agent recover --config /etc/bascule/agent.yaml start web1 --cycle 17 --network br-prod=br-dr
              bascule-agent recover --config /etc/bascule/agent.yaml stop web1
              bascule-agent recover --config /etc/bascule/agent.yaml set-aside web1
            """)

    @Option(help: "A YAML file with the agent's settings.")
    var config: String?

    @Option(help: "The recovery point to start from; the newest one unless said.")
    var cycle: UInt64?

    @Flag(help: "Start from the newest verified point.")
    var verified = false

    @Option(help: "Which point: latest, application, verified, a cycle, an identifier, a time with its zone.")
    var point: String?

    @Option(
        name: .customLong("network"),
        help: "SOURCE=BRIDGE: what a network of the source is here. Repeatable; others start with their link down.")
    var networks: [String] = []

    @Flag(help: "Answer with one JSON document; the keys are documented and stay.")
    var json = false

    @Flag(help: "Do not ask before what a guest wrote is removed, or logs are set aside.")
    var yes = false

    @Argument(help: "What to do: list, verify, start, stop or set-aside.")
    var action: Action = .list

    @Argument(help: "The protection, as `list` shows it, or the name of its guest.")
    var protection: String?

    func validate() throws {
        switch action {
        case .list:
            guard protection == nil else { throw ValidationError("list takes no protection.") }
        case .verify, .start, .stop, .setAside:
            guard protection != nil else { throw ValidationError("Name the protection; `recover list` shows them.") }
        }
        if [verified, cycle != nil, point != nil].count(where: { $0 }) > 1 {
            throw ValidationError("Give one of --point, --cycle and --verified.")
        }
        for network in networks where network.split(separator: "=").count != 2 {
            throw ValidationError("--network takes SOURCE=BRIDGE, not \(network).")
        }
    }

    func run() async throws {
        let settings = try await ServiceSettings.read(HostAgentSettings.keys, file: config)
        ServiceRunner.startLogging(level: .warning)
        let logger = Logger(label: "recover")
        let agentSettings = try HostAgentSettings(settings)
        let libvirt = LibvirtSettings(
            uri: try settings.text("hypervisor"), directory: agentSettings.capturesDirectory)
        let hypervisor = DeferredHypervisor { try await LibvirtHypervisor.connect(libvirt, logger: logger) }
        do {
            let code =
                switch action {
                case .list, .verify, .start, .stop:
                    try await ReplicaRecovery.withReplicas(
                        settings: agentSettings, hypervisor: hypervisor, logger: logger
                    ) { recovery in try await carryOut(recovery) }
                case .setAside: try await setAside(agentSettings, hypervisor, logger)
                }
            await hypervisor.close()
            if code != .success { throw code }
        } catch let code as ExitCode {
            throw code
        } catch {
            await hypervisor.close()
            throw AgentFailure.end(RemoteError(answering: error), json: json)
        }
    }

    private func carryOut(_ recovery: ReplicaRecovery) async throws -> ExitCode {
        switch action {
        case .list:
            let replicas = try await recovery.list()
            if json { try answer(ReplicaRecovery.List(replicas: replicas)) } else { list(replicas) }
            return .success
        case .verify:
            return try await verify(recovery, try await chosen(recovery))
        case .start:
            try await start(recovery, try await chosen(recovery))
            return .success
        case .stop:
            try await stop(recovery, try await chosen(recovery))
            return .success
        case .setAside: preconditionFailure("logs are set aside while no agent has the replica open")
        }
    }

    private func answer(_ document: some Encodable) throws {
        print(try MachineDocument.text(document))
    }

    private func list(_ replicas: [ReplicaRecovery.Replica]) {
        print(
            "PROTECTION                            GUEST             GENERATION  POINTS  NEWEST  CAPTURED              VERIFIED  RUNS FROM"
        )
        for replica in replicas {
            let captured =
                replica.newestUnixMilliseconds == 0
                ? "–" : Date(timeIntervalSince1970: Double(replica.newestUnixMilliseconds / 1_000)).formatted(.iso8601)
            let columns = [
                (replica.protection, 38), (replica.fault.isEmpty ? replica.guestName : "cannot be opened", 18),
                ("\(replica.generation)", 12),
                ("\(replica.points)", 8), ("\(replica.newestCycle)", 8), (captured, 22),
                (replica.verifiedCycle.map { "\($0)" } ?? "–", 10),
                (replica.runningCycle.map { "\($0)" } ?? "–", 0),
            ]
            print(
                columns.map { text, width in text + String(repeating: " ", count: max(0, width - text.count)) }.joined()
            )
        }
        for replica in replicas where !replica.verificationFault.isEmpty {
            print("warning: \(replica.guestName): \(replica.verificationFault)")
        }
        for replica in replicas where !replica.fault.isEmpty { print("warning: \(replica.fault)") }
        if replicas.isEmpty { print("This host holds no replica.") }
    }

    private func verify(
        _ recovery: ReplicaRecovery, _ replica: ReplicaRecovery.Replica
    ) async throws -> ExitCode {
        let verified = try await recovery.verify(replica.protection) { checked, total in
            guard total > 0, !json else { return }
            print("\(checked >> 20) of \(total >> 20) MiB checked")
        }
        if json {
            try answer(verified)
            return verified.faultCount > 0 ? ExitCode(6) : .success
        }
        guard verified.faultCount > 0 else {
            print("\(replica.guestName): \(verified.checkedBytes >> 20) MiB checked, no fault.")
            return .success
        }
        print(
            "\(replica.guestName): \(verified.faultCount) faults. Start an older point, restore the files named, or set "
                + "damaged logs aside:")
        for fault in verified.faults { print("  \(fault)") }
        return ExitCode(6)
    }

    private func start(_ recovery: ReplicaRecovery, _ replica: ReplicaRecovery.Replica) async throws {
        let pairs = networks.map { network in
            let halves = network.split(separator: "=", maxSplits: 1).map(String.init)
            return (halves[0], halves[1])
        }
        var cycle = cycle
        if verified { cycle = try verifiedPoint(of: replica) }
        if let point { cycle = try await recovery.cycle(named: point, in: replica) }
        let started = try await recovery.start(
            replica.protection, cycle: cycle, networks: Dictionary(pairs) { _, last in last })
        if json { return try answer(started) }
        print(
            "\(started.guestName) runs from point \(started.cycle), generation \(started.generation), "
                + "after \(started.milliseconds) ms.")
        for warning in started.warnings { print("warning: \(warning)") }
    }

    private func stop(_ recovery: ReplicaRecovery, _ replica: ReplicaRecovery.Replica) async throws {
        try confirm("Remove guest \(replica.guestName), and what it wrote since it was started from its replica?")
        let stopped = try await recovery.stop(replica.protection)
        if json { return try answer(stopped) }
        print(
            stopped.cycle.map { "\(stopped.guestName), which was started from point \($0), is removed." }
                ?? "No guest was started from the replica of \(stopped.guestName).")
    }

    private func setAside(
        _ settings: HostAgentSettings, _ hypervisor: DeferredHypervisor, _ logger: Logger
    ) async throws -> ExitCode {
        var name = (protection ?? "").lowercased()
        if UUID(uuidString: name) == nil {
            name = try await ReplicaRecovery.withReplicas(settings: settings, hypervisor: hypervisor, logger: logger) {
                try await chosen($0).protection
            }
        }
        let directory = settings.replicaDirectory(of: name)
        let outcome = try await DamagedLogs.setAside(in: directory) { [json] checked, total in
            guard total > 0, !json else { return }
            print("\(checked >> 20) of \(total >> 20) MiB checked")
        } confirm: { guest, log in
            try confirm("Set \(log) and every later log of \(guest) aside? Their points are lost.")
        }
        if json {
            try answer(outcome)
        } else {
            tell(outcome, directory)
        }
        return outcome.isDamaged ? ExitCode(6) : .success
    }

    private func tell(_ outcome: DamagedLogs.Outcome, _ directory: String) {
        for fault in outcome.faults { print("  \(fault)") }
        guard let first = outcome.setAside.first else {
            return print("\(outcome.guestName): no log is damaged; nothing was set aside.")
        }
        let left =
            outcome.points == 0
            ? "no point is left" : "\(outcome.points) points up to \(outcome.newestCycle) are left"
        print(
            "\(outcome.guestName): \(outcome.setAside.count) logs from \(first) on are in \(directory)/damaged now, and "
                + "\(left). Start the agent: the next cycle compares, or copies everything.")
    }

    private func confirm(_ question: String) throws {
        if yes { return }
        guard isatty(STDIN_FILENO) == 1 else {
            throw RemoteError(
                .failedPrecondition, "This would destroy something, and there is no terminal to ask at.",
                remedy: "Add --yes.")
        }
        print("\(question) [y/N] ", terminator: "")
        fflush(nil)
        let word = readLine()?.lowercased() ?? ""
        guard word == "y" || word == "yes" else {
            throw RemoteError(.failedPrecondition, "Not confirmed; nothing was changed.")
        }
    }

    private func verifiedPoint(of replica: ReplicaRecovery.Replica) throws -> UInt64 {
        guard let cycle = replica.verifiedCycle else {
            throw RemoteError(
                .notFound, "None of the \(replica.points) points of \(replica.guestName) is verified.",
                remedy: "Start another one with --cycle, or the newest without it.")
        }
        return cycle
    }

    private func chosen(_ recovery: ReplicaRecovery) async throws -> ReplicaRecovery.Replica {
        try await recovery.replica(named: protection ?? "")
    }
}
