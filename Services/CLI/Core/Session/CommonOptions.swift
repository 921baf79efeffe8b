package import ArgumentParser

/// The options that every command takes.
package struct CommonOptions: ParsableArguments {
    @Flag(help: "Answer with one JSON document a line; the keys are documented and stay.")
    package var json = false

    @Option(help: ArgumentHelp("Endpoint of the vault.", valueName: "endpoint"))
    package var vault: String?

    @Option(help: ArgumentHelp("Endpoint of the policy service.", valueName: "endpoint"))
    package var policyService: String?

    @Option(help: ArgumentHelp("Endpoint of the failover orchestrator.", valueName: "endpoint"))
    package var orchestrator: String?

    @Option(help: ArgumentHelp("File with settings, instead of the usual ones.", valueName: "file"))
    package var config: String?

    @Option(help: ArgumentHelp("How many seconds a service may take to answer.", valueName: "seconds"))
    package var deadline: UInt32 = 10

    package init() {}

    package func validate() throws {
        guard (1...600).contains(deadline) else {
            throw ValidationError("--deadline takes 1 to 600 seconds.")
        }
    }

    /// What was given as options, as the strongest layer of settings.
    package var layer: OperatorSettings.Layer {
        var values: [OperatorSettings.Key: String] = [:]
        values[.vault] = vault
        values[.policy] = policyService
        values[.orchestrator] = orchestrator
        return OperatorSettings.Layer(name: "option", values: values)
    }
}
