import Foundation
import LocalSites
import Messages
import TestGuest

/// The story that `bascule demo` tells, act by act. Each act is a file of its own in `Acts`.
struct Demo: Sendable {
    let stage: DemoStage
    let session: OperatorSession

    private var plan: DemoPlan { stage.plan }
    private var console: any Console { session.console }

    /// - Throws: `OperatorError`, `RemoteError`, `TestGuestError` or `LocalSitesError`; `CancellationError` on Ctrl-C.
    func run() async throws -> DemoReport {
        let started = ContinuousClock.now
        say("A Linux guest with \(plan.diskTargets.count) disks boots at the primary host.")
        try await stage.bootGuest()
        try await fillDisks()
        let orchestrator = stage.sites.options.orchestrator ? "orchestrator, " : ""
        say(
            "Vault, policy, \(orchestrator)\(plan.workers) workers and two host agents start, each a process of its own."
        )
        try await stage.sites.start()
        let services = try await DemoServices(stage: stage, session: session)
        try await services.waitUntilRegistered()
        say(
            "\(stage.guest.name) is protected: a policy of one point every \(plan.frequencySeconds) s, and all disks seeded."
        )
        let scene = DemoScene(stage: stage, services: services, protection: try await services.protect())
        var shown = try await ReplicationAct(scene: scene).play()
        let outcomes = try await playFailover(scene)
        if outcomes.isEmpty {
            say("Every service is stopped; the replica's directory alone still has the point.")
            await stage.sites.stop()
            shown.proof.alone = try await DemoProver(stage: stage, services: services)
                .hashAlone(scene.protection, point: shown.proof.point, at: stage)
        }
        return DemoReport(
            seeding: shown.seeding, cycles: shown.cycles, objective: shown.objective,
            points: Int(shown.replica.points), journalBytes: shown.replica.journalBytes, proof: shown.proof,
            outcomes: outcomes, seconds: Int((ContinuousClock.now - started).milliseconds / 1_000))
    }

    private func playFailover(_ scene: DemoScene) async throws -> [DemoOutcome] {
        var outcomes: [DemoOutcome] = []
        for act in plan.acts {
            switch act {
            case .replication: break
            case .test: outcomes.append(try await TestAct(scene: scene).play())
            case .planned: outcomes.append(try await PlannedAct(scene: scene).play())
            case .failback: outcomes.append(try await FailbackAct(scene: scene).play())
            case .disaster: outcomes.append(try await DisasterAct(scene: scene).play())
            }
        }
        return outcomes
    }

    private func say(_ sentence: String) {
        console.showProgress(nil)
        console.print(console.styled(sentence, .heading))
    }

    /// Something to seed: random blocks, because zeros and patterns would make it look faster than it is.
    private func fillDisks() async throws {
        console.showProgress("   the guest writes \(plan.filledMiB) MiB of random data")
        try await stage.guest.tell("random \(plan.filledMiB) 1", within: plan.stepLimit)
        console.showProgress(nil)
    }
}
