package import ArgumentParser

/// A command of `bascule`: parsed by ArgumentParser, performed in a session, so that tests can give it another console
/// and other services.
package protocol OperatorCommand: AsyncParsableCommand {
    var common: CommonOptions { get }
    func perform(in session: OperatorSession) async throws
}

extension OperatorCommand {
    /// Never reached: `BasculeTool.run` performs commands itself, because it decides how errors are told.
    package func run() async throws {
        preconditionFailure("commands are performed in a session")
    }
}
