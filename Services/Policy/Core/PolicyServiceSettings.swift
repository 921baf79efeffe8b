/// What an operator sets.
package struct PolicyServiceSettings: Hashable, Sendable {
    /// For logs and health answers.
    package var name: String
    /// Directory of the database; made when it does not exist.
    package var state: String
    /// Where requests are answered.
    package var listen: String
    /// Where the vault answers.
    package var vault: String
    /// Where the vault publishes.
    package var vaultEvents: String

    /// How many transfer jobs may run at once.
    package var jobLimits: JobLimits

    package init(
        name: String = "policy", state: String, listen: String = "tcp://127.0.0.1:7711",
        vault: String = "tcp://127.0.0.1:7701", vaultEvents: String = "tcp://127.0.0.1:7702",
        jobLimits: JobLimits = JobLimits()
    ) {
        self.name = name
        self.state = state
        self.listen = listen
        self.vault = vault
        self.vaultEvents = vaultEvents
        self.jobLimits = jobLimits
    }

    var databasePath: String { "\(state)/policy.sqlite" }
}
