import Foundation
import LocalPorts

/// Two sites on one machine: vault, policy, workers, one host agent per site, and when it is wanted the failover
/// orchestrator, each its own process.
///
/// The demo, the end-to-end tests and the benchmarks run on it, so that all three start Bascule as an operator would:
/// executables with a settings file each. Every process is known by its identifier, and `stop()` ends just those.
///
/// ```
/// <root>/
///   settings/<process>.yaml   logs/<process>.log
///   vault/ policy/ orchestrator/   state
///   primary/ secondary/       agent state, replicas/, and libvirt's embedded root
/// ```
package actor LocalSites {
    package struct Options: Sendable {
        /// Folder with the built executables and the view plugin.
        package var binaries: String
        /// Must be short: UNIX socket paths under it end at 108 characters.
        package var root: String
        package var workers = 2
        /// Replication needs no orchestrator.
        package var orchestrator = false
        /// libvirt URI per site; nil: `qemu:///embed?root=<root>/<site>/virt`.
        package var primaryHypervisor: String?
        package var secondaryHypervisor: String?
        /// More settings by process name ("vault", "policy", "orchestrator", "primary", "secondary", "worker-1", …).
        package var extraSettings: [String: [String: String]] = [:]
        /// More environment for every process.
        package var environment: [String: String] = [:]
        package var logLevel = "info"
        /// Runs a process under something else, for example a limit on its CPU: its words come before the command.
        package var launcher: [String: [String]] = [:]

        package init(binaries: String, root: String) {
            self.binaries = binaries
            self.root = root
        }
    }

    package nonisolated let options: Options
    package nonisolated let vaultEndpoint: String
    package nonisolated let vaultEvents: String
    package nonisolated let policyEndpoint: String
    package nonisolated let orchestratorEndpoint: String
    package nonisolated let primaryEndpoint: String
    package nonisolated let secondaryEndpoint: String
    /// Every port in use, for a second installation that takes over the first one's before either is started.
    package nonisolated let ports: [UInt16]
    private var processes: [String: ManagedProcess] = [:]
    /// Those that were told to stop, which is no reason to complain.
    private var stopped: Set<String> = []

    /// Makes the folders and writes nothing else; `start` starts.
    package init(options: Options, ports given: [UInt16]? = nil) throws {
        self.options = options
        let ports = try given ?? LocalPorts.free(count: 7 + 16 + 1)
        self.ports = ports
        vaultEndpoint = "tcp://127.0.0.1:\(ports[0])"
        vaultEvents = "tcp://127.0.0.1:\(ports[1])"
        policyEndpoint = "tcp://127.0.0.1:\(ports[2])"
        orchestratorEndpoint = "tcp://127.0.0.1:\(ports[23])"
        primaryEndpoint = "tcp://127.0.0.1:\(ports[3])"
        secondaryEndpoint = "tcp://127.0.0.1:\(ports[5])"
        for folder in [
            "settings", "logs", "vault", "policy", "orchestrator", "primary/replicas", "secondary/replicas", "home",
        ] {
            try FileManager.default.createDirectory(
                atPath: "\(options.root)/\(folder)", withIntermediateDirectories: true)
        }
    }

    /// Starts everything, control services first.
    package func start() throws {
        for name in ["vault", "policy", "primary", "secondary"] { try start(name) }
        if options.orchestrator { try start("orchestrator") }
        for index in 0..<options.workers { try start("worker-\(index + 1)") }
    }

    /// Starts one process, again if it has ended. Names: vault, policy, primary, secondary, orchestrator,
    /// worker-1 … worker-16.
    ///
    /// - Throws: `LocalSitesError`.
    package func start(_ name: String) throws {
        if let running = processes[name], running.isRunning { return }
        let settings = settingsPath(of: name)
        try yaml(for: name).write(toFile: settings, atomically: true, encoding: .utf8)
        let executable = "\(options.binaries)/\(executable(of: name))"
        let launcher = options.launcher[name] ?? []
        // The embedded hypervisor wants a writable home, and must not share the caller's.
        let environment = options.environment.merging(["HOME": "\(options.root)/home"]) { given, _ in given }
        stopped.remove(name)
        processes[name] = try ManagedProcess(
            name: name, executable: launcher.first ?? executable,
            arguments: launcher.isEmpty
                ? ["--config", settings] : Array(launcher.dropFirst()) + [executable, "--config", settings],
            environment: environment, logPath: logPath(of: name))
    }

    package func process(_ name: String) throws -> ManagedProcess {
        guard let process = processes[name] else {
            throw LocalSitesError(.missing, "\(name) was never started", remedy: "call start(\"\(name)\") first")
        }
        return process
    }

    /// Of those that run.
    package var processIdentifiers: Set<Int32> {
        Set(processes.values.filter(\.isRunning).map(\.processIdentifier))
    }

    /// SIGKILL, as a crash would end it.
    package func crash(_ name: String) async throws { await (try process(name)).crash() }

    /// SIGTERM, then SIGKILL after ten seconds; true when it ended by itself.
    @discardableResult
    package func stop(_ name: String) async throws -> Bool {
        let process = try process(name)
        stopped.insert(name)
        return await process.stop()
    }

    /// Throws when a process that was started has ended by itself, with the end of its log.
    package func checkRunning(except ignored: String? = nil) throws {
        for (name, process) in processes.sorted(by: { $0.key < $1.key })
        where !process.isRunning && name != ignored && !stopped.contains(name) {
            throw LocalSitesError(
                .ended, "\(name) has ended (wait status \(process.exitStatus ?? -1)): \(lastLines(of: name, count: 5))",
                remedy: "read \(logPath(of: name))")
        }
    }

    /// Stops everything that was started, workers first and the vault last.
    ///
    /// - Returns: names of those that did not end by themselves and were killed.
    @discardableResult
    package func stop() async -> [String] {
        let order = processes.keys.sorted { left, right in rank(left) < rank(right) }
        var killed: [String] = []
        for name in order where await processes[name]?.stop() == false { killed.append(name) }
        processes = [:]
        return killed
    }

    /// Where the target's bulk socket listens.
    package nonisolated var secondaryBulkPort: UInt16 { ports[6] }

    package nonisolated func settingsPath(of name: String) -> String { "\(options.root)/settings/\(name).yaml" }

    package nonisolated func logPath(of name: String) -> String { "\(options.root)/logs/\(name).log" }

    package nonisolated func hypervisor(of site: String) -> String {
        let given = site == "primary" ? options.primaryHypervisor : options.secondaryHypervisor
        return given ?? "qemu:///embed?root=\(Self.embeddedRoot(of: site, in: options.root))"
    }

    /// One letter, because libvirt puts sockets of guests some 80 characters below it, and their paths end at 108.
    package static func embeddedRoot(of site: String, in root: String) -> String { "\(root)/\(site.prefix(1))" }

    package nonisolated func replicas(of site: String) -> String { "\(options.root)/\(site)/replicas" }

    /// Where a replica that was started keeps its overlays and serial ports: `test` or `failover`.
    package nonisolated func startedReplica(of protection: String, at site: String, purpose: String) -> String {
        "\(replicas(of: site))/\(protection)/\(purpose)"
    }

    package nonisolated func lastLines(of name: String, count: Int) -> String {
        guard let data = FileManager.default.contents(atPath: logPath(of: name)) else { return "(no log)" }
        return String(decoding: data.suffix(8_192), as: UTF8.self).split(separator: "\n").suffix(count)
            .joined(separator: "\n")
    }

    private func rank(_ name: String) -> Int {
        if name.hasPrefix("worker") { return 0 }
        return ["orchestrator": 1, "policy": 2, "primary": 3, "secondary": 4, "vault": 5][name] ?? 6
    }

    private func executable(of name: String) -> String {
        switch name {
        case "vault": "bascule-vault"
        case "policy": "bascule-policy"
        case "orchestrator": "bascule-orchestrator"
        case "primary", "secondary": "bascule-agent"
        default: "bascule-worker"
        }
    }

    private func yaml(for name: String) -> String {
        var settings: [String: String] = ["logLevel": options.logLevel]
        switch name {
        case "vault":
            settings["state"] = "\(options.root)/vault"
            settings["listen"] = vaultEndpoint
            settings["publish"] = vaultEvents
        case "policy":
            settings["state"] = "\(options.root)/policy"
            settings["listen"] = policyEndpoint
            settings["vault"] = vaultEndpoint
            settings["vaultEvents"] = vaultEvents
        case "orchestrator":
            settings["state"] = "\(options.root)/orchestrator"
            settings["listen"] = orchestratorEndpoint
            settings["vault"] = vaultEndpoint
            settings["policy"] = policyEndpoint
        case "primary", "secondary":
            let first = name == "primary" ? 3 : 5
            settings["name"] = name
            settings["site"] = name
            settings["cloud"] = "\(name)-cloud"
            settings["state"] = "\(options.root)/\(name)"
            settings["replicas"] = replicas(of: name)
            settings["listen"] = "tcp://127.0.0.1:\(ports[first])"
            settings["bulkListen"] = "tcp://127.0.0.1:\(ports[first + 1])"
            settings["vault"] = vaultEndpoint
            settings["hypervisor"] = hypervisor(of: name)
        default:
            let number = Int(name.split(separator: "-").last ?? "1") ?? 1
            precondition((1...16).contains(number), "worker names run from worker-1 to worker-16")  // ports[7...22]
            settings["name"] = name
            settings["policy"] = policyEndpoint
            settings["listen"] = "tcp://127.0.0.1:\(ports[6 + number])"
        }
        settings.merge(options.extraSettings[name] ?? [:]) { _, extra in extra }
        return settings.sorted { $0.key < $1.key }
            .map { "\($0.key): \"\($0.value)\"\n" }
            .joined()
    }
}
