/// What an operator sets.
package struct OrchestratorSettings: Hashable, Sendable {
    /// For logs and health answers.
    package var name: String
    /// Directory of the database; made when it does not exist.
    package var state: String
    /// Where requests are answered.
    package var listen: String
    /// Where the vault answers.
    package var vault: String
    /// Where the policy service answers.
    package var policy: String

    package init(
        name: String = "orchestrator", state: String, listen: String = "tcp://127.0.0.1:7741",
        vault: String = "tcp://127.0.0.1:7701", policy: String = "tcp://127.0.0.1:7711"
    ) {
        self.name = name
        self.state = state
        self.listen = listen
        self.vault = vault
        self.policy = policy
    }

    var databasePath: String { "\(state)/orchestrator.sqlite" }
}
