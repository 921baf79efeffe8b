package import ArgumentParser

/// `bascule unprotect GUEST [--keep-replica | --yes]`
package struct UnprotectCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "unprotect", abstract: "Stop protecting a guest, and delete its replica with all recovery points.",
        discussion: """
            The guest itself goes on undisturbed. Every trace on the source (checkpoints,
            bitmaps) is removed.

            EXAMPLES
              bascule unprotect web1                    asks first
              bascule unprotect web1 --keep-replica     leaves the directory in place
              bascule unprotect web1 --yes              for scripts
            """)

    @Argument(help: "Guest, or identifier of the protection.")
    var guest: String

    @Flag(help: "Leave the replica directory with its points in place.")
    var keepReplica = false

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup package var common: CommonOptions

    package init() {}

    private struct Document: Codable {
        var protection: String
        var guest: String
        var replicaKept: Bool
    }

    package func perform(in session: OperatorSession) async throws {
        let vault = try await session.vault()
        let registry = try await vault.registry()
        let protection = try registry.protection(named: guest)
        let target = registry.hostName(protection.targetHost)
        try session.confirm(
            "Delete the replica of \(protection.guest) on \(target), with all its recovery points?",
            assumeYes: yes || keepReplica)
        try await vault.unprotect(protection.id, keepReplica: keepReplica)
        let document = Document(protection: protection.id, guest: protection.guest, replicaKept: keepReplica)
        try session.answer(document) { console in
            console.print(
                "\(protection.guest): protection ends; its replica on \(target) "
                    + (keepReplica ? "stays where it is." : "is being deleted."))
        }
    }
}
