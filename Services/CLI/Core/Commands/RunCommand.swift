package import ArgumentParser
import MessageBus
import Messages

/// `bascule run [show | resume | abandon] ID`
package struct RunCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Show one run, let a waiting one go on, or give it up.",
        discussion: """
            A run is named by its identifier, or the first eight characters of it.

            EXAMPLES
              bascule run show 1a2b3c4d --watch
              bascule run resume 1a2b3c4d
            """,
        subcommands: [Show.self, Resume.self, Abandon.self])

    package init() {}

    package struct Show: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "Show the steps of a run, and what came of it.",
            discussion: """
                With --watch, until it is over; the exit status then says how it ended, as
                for the command that began it: 0 succeeded, 1 failed, 7 stands still.

                EXAMPLES
                  bascule run show 1a2b3c4d
                  bascule run show 1a2b3c4d --watch
                """)

        @Argument(help: "Identifier of the run, or its first eight characters.")
        var id: String

        @Flag(help: "Go on showing it until it is over, or stands still.")
        var watch = false

        @OptionGroup package var common: CommonOptions

        package init() {}

        package func perform(in session: OperatorSession) async throws {
            let run = try await session.orchestrator().run(id)
            if watch { return try await RunWatch.follow(run, in: session, everyChange: true) }
            try session.answer(run) { console in
                for line in RunReport(run).lines(width: console.width, styled: console.usesColor) {
                    console.print(line)
                }
            }
        }
    }

    package struct Resume: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "Let a waiting run try its step again at once.",
            discussion: """
                EXAMPLES
                  bascule run resume 1a2b3c4d
                  bascule run resume 1a2b3c4d --no-wait
                """)

        @Argument(help: "Identifier of the run, or its first eight characters.")
        var id: String

        @Flag(help: "Do not wait for its end.")
        var noWait = false

        @OptionGroup package var common: CommonOptions

        package init() {}

        package func perform(in session: OperatorSession) async throws {
            let run = try await session.orchestrator().resume(id)
            if !noWait { return try await RunWatch.follow(run, in: session) }
            try session.answer(run) { $0.print("Run \(run.shortID) tries again.") }
        }
    }

    package struct Abandon: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "Give a waiting run up; it fails.",
            discussion: """
                A failover is taken back, unless its guest runs at the target already: that one
                stays, with its commit pending. A cancellation goes on without the host that
                does not answer. Everything else ends where it is. A run that only the vault
                knows, because the orchestrator's database was lost, lets go of its guest.

                EXAMPLES
                  bascule run abandon 1a2b3c4d
                  bascule run abandon 1a2b3c4d --yes
                """)

        @Argument(help: "Identifier of the run, or its first eight characters.")
        var id: String

        @Flag(help: "Do not ask.")
        var yes = false

        @Flag(help: "Do not wait for its end.")
        var noWait = false

        @OptionGroup package var common: CommonOptions

        package init() {}

        package func perform(in session: OperatorSession) async throws {
            let orchestrator = try await session.orchestrator()
            let known: RunRecord?
            do {
                known = try await orchestrator.run(id)
            } catch let error as RemoteError where error.code == .notFound {
                // The vault may know it.
                known = nil
            }
            let question =
                known.map { "Give up the \($0.kind.words) of \($0.guest)? That \($0.abandonment)." }
                ?? "The orchestrator does not know run \(id). Let go of the guest that it holds, if it holds one?"
            try session.confirm(question, assumeYes: yes)
            let abandoned = try await orchestrator.abandon(known?.id ?? id)
            if noWait {
                return try session.answer(abandoned) { $0.print("Run \(abandoned.shortID) is given up.") }
            }
            do {
                try await RunWatch.follow(abandoned, in: session)
            } catch let error as OperatorError where error.code == .failed {
                // That it failed is what was asked for.
            }
        }
    }
}
