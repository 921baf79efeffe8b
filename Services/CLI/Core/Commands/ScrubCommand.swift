package import ArgumentParser

/// `bascule scrub GUEST`
package struct ScrubCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "scrub", abstract: "Verify every checksum of a guest's replica, with a progress bar.",
        discussion: """
            Runs at the target host and goes on there when you leave; call it again to see
            how far it is. Ends with exit status 6 when something is damaged.

            EXAMPLES
              bascule scrub web1
              bascule scrub web1 --restart      from the start again
            """)

    @Argument(help: "Guest, or identifier of the protection.")
    var guest: String

    @Flag(help: "Start from the beginning.")
    var restart = false

    @Flag(help: "Start it and do not wait.")
    var noWait = false

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func perform(in session: OperatorSession) async throws {
        let registry = try await session.vault().registry()
        let protection = try registry.protection(named: guest)
        let agent = try await session.agent(of: try registry.targetHost(of: protection))
        var record = try await agent.scrub(protection.id, restart: restart)
        var estimator = ProgressEstimator()
        let started = ContinuousClock.now
        while !record.finished && !noWait {
            estimator.note(
                done: record.checkedBytes, total: record.totalBytes,
                atMilliseconds: (ContinuousClock.now - started).milliseconds)
            session.console.showProgress(
                ProgressBar.line("verifying \(protection.guest)", estimator, width: session.console.width))
            try await session.pauseBetweenLooks()
            record = try await agent.scrub(protection.id, restart: false)
        }
        session.console.showProgress(nil)
        try session.answer(record) { console in
            for line in Self.lines(for: record, guest: protection.guest) { console.print(line) }
        }
        if record.faultCount > 0 {
            throw OperatorError(
                .corrupt, "\(record.faultCount) fault(s) in the replica of \(protection.guest)",
                remedy: "compare it with the source: bascule resync \(protection.guest); then look at the host's disk")
        }
    }

    static func lines(for record: ScrubRecord, guest: String) -> [String] {
        guard record.finished else {
            return [
                "\(guest): \(HumanUnits.bytes(record.checkedBytes)) of \(HumanUnits.bytes(record.totalBytes)) verified so far."
            ]
        }
        if record.faultCount == 0 { return ["\(guest): \(HumanUnits.bytes(record.checkedBytes)) verified, no fault."] }
        var lines = record.faults.map { "  \($0)" }
        if record.faultCount > UInt64(record.faults.count) {
            lines.append("  … and \(record.faultCount - UInt64(record.faults.count)) more")
        }
        return lines
    }
}
