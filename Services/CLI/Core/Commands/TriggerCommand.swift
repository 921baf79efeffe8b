package import ArgumentParser

/// `bascule trigger GUEST [--application-consistent]`
package struct TriggerCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "trigger", abstract: "Make a recovery point now instead of when it is due.",
        discussion: """
            EXAMPLES
              bascule trigger db1 --application-consistent      before a risky change
            """)

    @Argument(help: "Guest, or identifier of the protection.")
    var guest: String

    @Flag(help: "Freeze the guest's file systems for the capture (needs its guest agent).")
    var applicationConsistent = false

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func perform(in session: OperatorSession) async throws {
        let protection = try await session.vault().registry().protection(named: guest)
        let consistency: CycleRecord.Consistency = applicationConsistent ? .application : .unknown
        try await session.policy().trigger(protection.id, consistency: consistency)
        try session.answer(protection) { $0.print("\(protection.guest): a cycle is due now.") }
    }
}
