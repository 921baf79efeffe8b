import BlockDevice
package import Hypervisor
package import Logging
import MessageBus
import Messages

/// The agent's own examination of its host, without the agent: for a host whose agent does not start.
package enum HostExamination {
    /// One check, as `bascule doctor` answers it, too.
    package struct Check: Sendable, Equatable, Encodable {
        package var host: String
        package var name: String
        package var passed: Bool
        package var detail: String
        /// How to mend it; empty when it passed.
        package var remedy: String

        package init(host: String, name: String, passed: Bool, detail: String, remedy: String) {
            self.host = host
            self.name = name
            self.passed = passed
            self.detail = detail
            self.remedy = remedy
        }
    }

    /// Makes the agent's directories when they are missing, as its start does, and changes nothing else.
    package static func examine(
        settings: HostAgentSettings, hypervisor: any HypervisorDriver, logger: Logger
    ) async -> [Check] {
        let bus = MessageBus(name: "doctor/\(settings.name)", logger: logger)
        let threads = BlockingThreads(name: "doctor", threads: 1)
        var checks = await start(settings, bus, threads)
        do {
            let doctor = Doctor(
                settings: settings, hypervisor: hypervisor, vault: try await bus.client(to: settings.vault),
                threads: threads)
            checks += await doctor.examine().items.map { item in
                Check(
                    host: settings.name, name: item.name, passed: item.passed, detail: item.detail,
                    remedy: item.remedy)
            }
        } catch {
            checks.append(failed("vault", settings, error, "Correct the setting `vault`."))
        }
        await bus.shutdown()
        return checks
    }

    /// What only a start finds out: directories, database and endpoints. An agent that runs has all of them.
    private static func start(
        _ settings: HostAgentSettings, _ bus: MessageBus, _ threads: BlockingThreads
    ) async -> [Check] {
        var lock: StateLock?
        do {
            lock = try await threads.run {
                try HostAgentService.prepareDirectories(settings)
                return try StateLock.attempt(settings.state)
            }
        } catch {
            let remedy = "See that the directories of `state` and `replicas` can be made and written to."
            return [failed("agent", settings, error, remedy)]
        }
        guard let lock else {
            return [passed("agent", settings, "runs, with the state directory \(settings.state)")]
        }
        defer { lock.release() }
        var checks = [passed("agent", settings, "does not run with \(settings.state)")]
        do {
            try await threads.run { _ = try AgentStore.open(settings) }
            checks.append(passed("database", settings, "\(settings.databasePath) can be read and written"))
        } catch {
            checks.append(failed("database", settings, error, "See the agent's log."))
        }
        for (name, endpoint) in [("listen", settings.listen), ("bulkListen", settings.bulkListen)] {
            do {
                let server = try await bus.serve(at: endpoint) { _ in
                    throw RemoteError(.unavailable, "The host is being examined.", remedy: "Ask again in a moment.")
                }
                await server.stop()
                checks.append(passed(name, settings, "\(endpoint) is free"))
            } catch {
                let remedy = "See what has it (ss -ltnp), or set `\(name)` to another endpoint."
                checks.append(failed(name, settings, error, remedy))
            }
        }
        return checks
    }

    private static func passed(_ name: String, _ settings: HostAgentSettings, _ detail: String) -> Check {
        Check(host: settings.name, name: name, passed: true, detail: detail, remedy: "")
    }

    /// - Parameter remedy: what counts when the error brings none. One without a type of its own brings none, and is told
    ///   with a remedy that knows nothing of what was tried.
    private static func failed(
        _ name: String, _ settings: HostAgentSettings, _ error: any Error, _ remedy: String
    ) -> Check {
        let answer = RemoteError(answering: error)
        let isTyped = answer.code != .internal || error is HostAgentError
        return Check(
            host: settings.name, name: name, passed: false, detail: answer.message,
            remedy: answer.remedy.isEmpty || !isTyped ? remedy : answer.remedy)
    }
}
