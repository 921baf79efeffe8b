import Foundation
import LocalSites
import Messages
import TestGuest

/// The story that `bascule demo` tells, act by act.
struct Demo: Sendable {
    let stage: DemoStage
    let session: OperatorSession

    private var plan: DemoPlan { stage.plan }
    private var console: any Console { session.console }

    /// - Throws: `OperatorError`, `RemoteError`, `TestGuestError` or `LocalSitesError`; `CancellationError` on Ctrl-C.
    func run() async throws -> DemoReport {
        let started = ContinuousClock.now
        say("1", "A Linux guest with \(plan.diskTargets.count) disks boots at the primary host.")
        try await stage.bootGuest()
        try await fillDisks()
        say("2", "Vault, policy, \(plan.workers) workers and two host agents start, each a process of its own.")
        try await stage.sites.start()
        let services = try await DemoServices(stage: stage, session: session)
        try await services.waitUntilRegistered()
        say(
            "3",
            "\(stage.guest.name) is protected: a policy of one point every \(plan.frequencySeconds) s, and all disks seeded."
        )
        let protection = try await services.protect()
        let seeding = try await seed(protection, through: services)
        say(
            "4",
            "The guest writes \(plan.recordsPerSecond) records a second to both disks; every second becomes a point.")
        let objective = try await live(protection, through: services)
        say("5", "A witness hashes both disks at the instant of a capture, with nbdcopy and sha256sum alone.")
        let prover = DemoProver(stage: stage, services: services)
        var proof = try await prover.prove(protection)
        console.print(
            "   Point \(proof.point) read back through the secondary's agent: \(proof.witnessed == proof.served ? "identical" : "DIFFERENT")."
        )
        let cycles = try await services.policy.history(of: protection.id, limit: 200)
        let replica = try await services.secondary().replica(of: protection.id)
        say("6", "Every service is stopped; the replica's directory alone still has the point.")
        await stage.sites.stop()
        proof.alone = try await prover.hashAlone(protection, point: proof.point)
        return DemoReport(
            seeding: seeding, cycles: cycles.filter { $0.kind == .incremental && $0.error == nil },
            objective: objective,
            points: Int(replica.points), journalBytes: replica.journalBytes, proof: proof,
            seconds: Int((ContinuousClock.now - started).milliseconds / 1_000))
    }

    private func say(_ number: String, _ sentence: String) {
        console.showProgress(nil)
        console.print(console.styled("\(number). \(sentence)", .heading))
    }

    /// Something to seed: random blocks, because zeros and patterns would make it look faster than it is.
    private func fillDisks() async throws {
        console.showProgress("   the guest writes \(plan.filledMiB) MiB of random data")
        try await stage.guest.tell("random \(plan.filledMiB) 1", within: plan.stepLimit)
        console.showProgress(nil)
    }

    private func seed(_ protection: Registry.Protection, through services: DemoServices) async throws -> CycleRecord {
        try await StateWait.run(in: services.session, protection: protection, goal: .firstPoint)
        guard
            let seeding = try await services.policy.history(of: protection.id, limit: 100).first(where: {
                $0.kind == .full
            })
        else {
            throw OperatorError(
                .failed, "the policy service does not remember the seeding", remedy: "report this as a bug")
        }
        return seeding
    }

    /// Shows the live table while the guest writes, and samples the age of the newest point.
    private func live(
        _ protection: Registry.Protection, through services: DemoServices
    ) async throws -> RecoveryPointObjective {
        var objective = RecoveryPointObjective()
        try await stage.guest.tell("rate \(plan.recordsPerSecond)")
        let clock = ContinuousClock()
        let end = clock.now + .seconds(plan.liveSeconds)
        var nextScreen = clock.now
        var nextBurst = clock.now + .seconds(plan.burstIntervalSeconds)
        var burst = 1
        while clock.now < end {
            let statuses = try await services.policy.statuses(of: protection.id)
            if let age = statuses.first?.newestPointAgeMilliseconds { objective.note(ageMilliseconds: age) }
            if clock.now >= nextScreen {
                nextScreen = clock.now + .seconds(console.width == nil ? 5 : 1)
                let registry = try await services.vault.registry()
                let report = StatusReport(
                    registry: registry, protections: registry.protections, statuses: statuses, policyError: nil)
                console.showScreen(report.lines(width: console.width, styled: console.usesColor))
            }
            if clock.now >= nextBurst {
                burst += 1
                nextBurst = clock.now + .seconds(plan.burstIntervalSeconds)
                try await stage.guest.tell("random \(plan.burstMiB) \(burst)")
            }
            try await stage.sites.checkRunning()
            try await session.pauseBetweenLooks(.milliseconds(100))
        }
        let errors = stage.guest.console.writeErrors
        guard errors.isEmpty else {
            throw OperatorError(.failed, "the guest met a write error: \(errors[0])", remedy: "report this as a bug")
        }
        return objective
    }
}
