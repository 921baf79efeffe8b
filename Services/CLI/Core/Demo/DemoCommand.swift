package import ArgumentParser
import Foundation

/// `bascule demo`
package struct DemoCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Show it all on one machine: a guest, two hosts, a proved point, failover.",
        discussion: """
            Starts vault, policy, workers and two host agents as processes of their own,
            boots a small Linux guest at the primary, protects it, makes a recovery point
            every second while it writes, and proves that one of them is exactly what the
            guest's disks held at that instant: an independent witness (nbdcopy and
            sha256sum) hashes the disks at the capture instant. Then the guest is tested
            at the secondary, failed over there and back home, and last of all everything
            at the primary is killed and the guest starts at the secondary. Everything is
            taken down at the end, also after Ctrl-C.

            Needs root, because QEMU runs under libvirt's embedded driver, and what
            Scripts/install-prerequisites demo installs.

            EXAMPLES
              sudo bascule demo
              sudo bascule demo --seconds 60 --keep-files
              sudo bascule demo --json >result.json
            """)

    @Option(help: "How many seconds points are made and watched.")
    var seconds = DemoPlan().liveSeconds

    @Flag(help: "Leave the files of the run in place, for a look at settings and logs.")
    var keepFiles = false

    @Option(help: ArgumentHelp("Acts to play.", visibility: .hidden))
    var acts: String?

    @Option(help: ArgumentHelp("A part of the story to play on services that already run.", visibility: .hidden))
    var part: String?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Numbers of the points that the part check reads; none: the newest.", visibility: .hidden))
    var points: [UInt64] = []

    @Option(help: ArgumentHelp("A folder to make the demo's guest in, and nothing else.", visibility: .hidden))
    var guestFolder: String?

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func validate() throws {
        guard (5...600).contains(seconds) else { throw ValidationError("--seconds takes 5 to 600.") }
    }

    package func perform(in session: OperatorSession) async throws {
        if let guestFolder { return try DemoGuestFolder.make(at: guestFolder) }
        if let part {
            return try await DemoPartPlayer(ground: InstalledGround(), session: session)
                .play(DemoPart.named(part), points: points)
        }
        try await playAll(in: session)
    }

    private func playAll(in session: OperatorSession) async throws {
        guard geteuid() == 0 else {
            throw OperatorError(
                .refused, "the demo needs root, for QEMU under libvirt's embedded driver",
                remedy: "run it as root: sudo make demo")
        }
        var plan = DemoPlan()
        plan.liveSeconds = seconds
        if let acts { plan.acts = try DemoAct.list(acts) }
        let programs = InstalledPrograms(binaries: session.settings[.binaries])
        let stage = try DemoStage(plan: plan, programs: programs)
        // The story is told beside the one document that standard output gets.
        let console: any Console = session.json ? NarratingConsole(session.console) : session.console
        var telling = session
        telling.console = console
        let result: Result<DemoReport, any Error>
        do { result = .success(try await Demo(stage: stage, session: telling).run()) } catch {
            result = .failure(error)
        }
        if result.isFailure { console.printError("Taking everything down; a moment.") }
        // In a task of its own, because a cancelled one cannot wait for processes to end.
        let keep = keepFiles || (result.isFailure && !(result.isInterruption))
        let left = try await Task { try await stage.takeDown(keepingFiles: keep) }.value
        if keep { console.print("Settings and logs of the run are in \(stage.root).") }
        let report = try result.get()
        try session.answer(DemoDocument(report, leftBehind: left, files: keep ? stage.root : nil)) { console in
            console.print("")
            console.print(report.table)
            if !report.outcomes.isEmpty {
                console.print("")
                console.print(DemoOutcome.table(of: report.outcomes))
            }
            for leftover in left { console.print("left behind: \(leftover)") }
            if left.isEmpty {
                console.print("Everything was taken down in order; nothing is left behind. \(report.seconds) s in all.")
            }
        }
        guard report.succeeded, left.isEmpty else {
            throw OperatorError(
                .failed, "the demo did not show what it should", remedy: "report this with the lines above")
        }
    }
}

extension Result {
    fileprivate var isFailure: Bool {
        switch self {
        case .success: false
        case .failure: true
        }
    }

    fileprivate var isInterruption: Bool {
        switch self {
        case .success: false
        case .failure(let error): error is CancellationError
        }
    }
}
