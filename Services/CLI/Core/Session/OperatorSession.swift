package import MessageBus

/// What every command works with: the console, the settings, and connections to the services, made when first asked for.
package struct OperatorSession: Sendable {
    package var console: any Console
    package let settings: OperatorSettings
    /// Answers are one JSON document a line instead of tables.
    package let json: Bool
    /// How long one request may take.
    package let deadline: Duration
    package let bus: MessageBus

    package init(console: any Console, settings: OperatorSettings, json: Bool, deadline: Duration, bus: MessageBus) {
        self.console = console
        self.settings = settings
        self.json = json
        self.deadline = deadline
        self.bus = bus
    }

    package func vault() async throws -> VaultClient {
        VaultClient(client: try await bus.client(to: settings[.vault]), deadline: deadline)
    }

    package func policy() async throws -> PolicyClient {
        PolicyClient(client: try await bus.client(to: settings[.policy]), deadline: deadline)
    }

    package func orchestrator() async throws -> OrchestratorClient {
        OrchestratorClient(client: try await bus.client(to: settings[.orchestrator]), deadline: deadline)
    }

    package func agent(of host: Registry.Host) async throws -> AgentClient {
        AgentClient(client: try await bus.client(to: host.endpoint), host: host.name, deadline: deadline)
    }

    /// The one answer of a command: `document` for machines, `show` for people.
    package func answer(_ document: some Encodable, show: (any Console) -> Void) throws {
        if json {
            console.print(try JSONDocument.text(document))
        } else {
            show(console)
        }
    }

    /// Waits between two looks at something that only its own service can tell about.
    ///
    /// - Throws: `CancellationError` on Ctrl-C.
    package func pauseBetweenLooks(_ duration: Duration = .milliseconds(500)) async throws {
        try await Task.sleep(for: duration)
    }

    /// Asks before something is destroyed.
    ///
    /// - Throws: `OperatorError` with code `refused` when the answer is no, or nobody can be asked.
    package func confirm(_ question: String, assumeYes: Bool) throws {
        if assumeYes { return }
        guard console.canAsk else {
            throw OperatorError(
                .refused, "this would destroy something, and there is no terminal to ask at", remedy: "add --yes")
        }
        let answer = console.ask("\(question) [y/N] ")?.lowercased() ?? ""
        guard answer == "y" || answer == "yes" else {
            throw OperatorError(.refused, "not confirmed; nothing was changed", remedy: "")
        }
    }
}
