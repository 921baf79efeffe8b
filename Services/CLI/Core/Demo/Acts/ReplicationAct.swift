import Foundation
import LocalSites
import Messages
import TestGuest

/// Protects the guest, makes points while it writes, and proves that one of them is what its disks held.
struct ReplicationAct: Sendable {
    /// What it showed.
    struct Shown: Sendable {
        var seeding: CycleRecord
        var objective: RecoveryPointObjective
        var proof: DemoReport.Proof
        var cycles: [CycleRecord]
        var replica: ReplicaRecord
    }

    let scene: DemoScene

    private var stage: any DemoGround { scene.stage }
    private var services: DemoServices { scene.services }
    private var plan: DemoPlan { scene.plan }
    private var console: any Console { scene.console }

    func play() async throws -> Shown {
        let protection = scene.protection
        let seeding = try await seed(protection)
        scene.say(
            "The guest writes \(plan.recordsPerSecond) records a second to both disks; every second becomes a point.")
        let objective = try await live(protection)
        scene.say("A witness hashes both disks at the instant of a capture, with nbdcopy and sha256sum alone.")
        let proof = try await DemoProver(stage: stage, services: services).prove(protection)
        scene.tell(
            "Point \(proof.point) read back through the secondary's agent: \(proof.witnessed == proof.served ? "identical" : "DIFFERENT")."
        )
        let cycles = try await services.policy.history(of: protection.id, limit: 200)
        return Shown(
            seeding: seeding, objective: objective, proof: proof,
            cycles: cycles.filter { $0.kind == .incremental && $0.error == nil },
            replica: try await services.secondary().replica(of: protection.id))
    }

    private func seed(_ protection: Registry.Protection) async throws -> CycleRecord {
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
    private func live(_ protection: Registry.Protection) async throws -> RecoveryPointObjective {
        var objective = RecoveryPointObjective()
        try await stage.home.tell("rate \(plan.recordsPerSecond)")
        let clock = ContinuousClock()
        let end = clock.now + .seconds(plan.liveSeconds)
        var nextScreen = clock.now
        var nextBurst = clock.now + .seconds(plan.burstIntervalSeconds)
        var burst = 1
        while clock.now < end {
            let statuses = try await services.policy.statuses()
            let own = statuses.first { $0.protection == protection.id }
            if let age = own?.newestPointAgeMilliseconds { objective.note(ageMilliseconds: age) }
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
                try await stage.home.tell("random \(plan.burstMiB) \(burst)")
            }
            try await stage.checkRunning(except: nil)
            try await services.session.pauseBetweenLooks(.milliseconds(100))
        }
        let errors = stage.home.console.writeErrors
        guard errors.isEmpty else {
            throw OperatorError(.failed, "the guest met a write error: \(errors[0])", remedy: "report this as a bug")
        }
        return objective
    }
}
