package import ArgumentParser

/// `bascule scrub GUEST`
package struct ScrubCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "scrub", abstract: "Verify every checksum of a guest's replica, with a progress bar.",
        discussion: """
            Runs at the target host and goes on there when you leave; call it again to
            follow it. Once it has ended, the next call begins another one. Ends with exit
            status 6 when something is damaged.

            EXAMPLES
              bascule scrub web1
              bascule scrub web1 --no-wait              start it, or see how far it is
              bascule scrub web1 --no-wait --restart    start another one
            """)

    @Argument(help: "Guest, or identifier of the protection.")
    var guest: String

    @Flag(help: "Start another one where one has ended.")
    var restart = false

    @Flag(help: "Start it, or tell how far it is or how it ended, and do not wait.")
    var noWait = false

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func perform(in session: OperatorSession) async throws {
        let registry = try await session.vault().registry()
        let protection = try registry.protection(named: guest)
        let agent = try await session.agent(of: try registry.targetHost(of: protection))
        var record = try await agent.scrub(protection.id, restart: restart)
        // Over at the first look: it is of another day, and whoever waits wants to know what is there now.
        let isOld = record.finished && !restart
        if isOld, !noWait { record = try await agent.scrub(protection.id, restart: true) }
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
            if isOld, noWait { console.print("That scrub had ended already. Start another one with: --restart") }
        }
        if record.faultCount > 0 {
            throw OperatorError(
                .corrupt, "\(record.faultCount) fault(s) in the replica of \(protection.guest)",
                remedy: Self.remedy(
                    for: record.faults, protection, at: registry.hostName(protection.targetHost)))
        }
    }

    /// A comparison reads what is damaged too, and fails at it. So damaged logs have to go, and with them those that
    /// rest on them.
    static func remedy(for faults: [String], _ protection: Registry.Protection, at host: String) -> String {
        var sentences: [String] = []
        let logs = faults.compactMap { $0.firstMatch(of: /^[0-9]+\.hrl/).map { String($0.output) } }
        if let first = logs.min() {
            // Of a fold that cannot be finished: then nothing before that log is left to be started either.
            if !faults.contains(where: { $0.hasPrefix("base:") }) {
                sentences.append("start points before \(first) only")
            }
            let command = "bascule recover --config /etc/bascule/agent.yaml set-aside \(protection.id)"
            sentences.append(
                "\(sentences.isEmpty ? "to" : "To") replicate again: on \(host), stop bascule-agent, run `\(command)`, and "
                    + "start it; \(first) and every later log go into the folder damaged, and the next cycle compares")
        }
        if faults.contains(where: { $0.hasPrefix("base/") }) {
            sentences.append(
                "\(sentences.isEmpty ? "a" : "A") base image is not mended by anything: unprotect \(protection.guest) and "
                    + "protect it anew, on storage that is well")
        }
        if sentences.isEmpty { sentences.append("see the lines above, and the log of bascule-agent on \(host)") }
        return sentences.joined(separator: ". ")
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
