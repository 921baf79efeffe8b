import TestGuest

/// Plays one part of the story on services that already run, and remembers what it showed for the closing table.
struct DemoPartPlayer: Sendable {
    let ground: InstalledGround
    let session: OperatorSession

    /// While seeding, so that it takes long enough for workers to come in the middle of it on a busy machine, too: the
    /// first jobs of the first worker last twenty seconds. Whoever plays the part lifts the limit when they have come.
    private static let seedingBytesPerSecond: UInt64 = 3 << 20

    func play(_ part: DemoPart) async throws {
        let services = try await DemoServices(stage: ground, session: session)
        switch part {
        case .fill:
            try await ground.home.waitUntilReady(within: ground.plan.stepLimit)
            try await ground.home.tell("random \(ground.plan.filledMiB) 1", within: ground.plan.stepLimit)
            try DemoStory.begin().write(InstalledGround.story)
        case .protect:
            try await services.waitUntilRegistered()
            let protection = try await services.protect(bandwidthBytesPerSecond: Self.seedingBytesPerSecond)
            session.console.print("Protected: \(protection.id)")
        case .replication:
            try await playReplication(services)
        case .test: try remember(try await TestAct(scene: try await scene(services)).play())
        case .planned: try remember(try await PlannedAct(scene: try await scene(services)).play())
        case .failback: try remember(try await FailbackAct(scene: try await scene(services)).play())
        case .disaster: try remember(try await DisasterAct(scene: try await scene(services)).play())
        case .write: try await write(services)
        case .burst:
            try await ground.home.tell("random \(16 * ground.plan.burstMiB) 7", within: ground.plan.stepLimit)
        case .check: try await check(services)
        case .prove: try await prove(services)
        case .closing: try close()
        }
    }

    private func playReplication(_ services: DemoServices) async throws {
        let scene = try await scene(services)
        try await StateWait.run(in: services.session, protection: scene.protection, goal: .firstPoint)
        _ = try await services.putPolicy(bandwidthBytesPerSecond: 0)
        let shown = try await ReplicationAct(scene: scene).play()
        var story = try DemoStory.read(InstalledGround.story)
        story.replication = DemoStory.Replication(
            seeding: shown.seeding, objective: shown.objective, proof: shown.proof, cycles: shown.cycles,
            points: Int(shown.replica.points), journalBytes: shown.replica.journalBytes)
        try story.write(InstalledGround.story)
    }

    /// The guest may be booting, when its port is not there yet, or loses the beginning of what is said.
    private func write(_ services: DemoServices) async throws {
        try await services.wait(for: "the guest to obey") { () -> Bool? in
            do {
                try await ground.home.tell("rate \(ground.plan.recordsPerSecond)", within: .seconds(5))
                return true
            } catch let error as TestGuestError where [.late, .toolFailed].contains(error.code) {
                return nil
            }
        }
    }

    private func check(_ services: DemoServices) async throws {
        let scene = try await scene(services)
        let point = try await scene.newestCycle()
        let found = try await DemoProver(stage: ground, services: services).records(of: scene.protection, at: point)
        let faults = found.faults + ground.home.console.writeErrors
        guard faults.isEmpty, found.newest > 0 else {
            throw OperatorError(
                .failed, "point \(point) is not whole: \(faults.first ?? "it holds no record")",
                remedy: "keep the replica directory, and report this")
        }
        session.console.print("point \(point) is whole up to record \(HumanUnits.count(found.newest))")
    }

    private func prove(_ services: DemoServices) async throws {
        let scene = try await scene(services)
        let proof = try await DemoProver(stage: ground, services: services).prove(scene.protection)
        let errors = ground.home.console.writeErrors
        guard proof.isIdentical, errors.isEmpty else {
            throw OperatorError(
                .failed, "point \(proof.point) differs from what the disks held, or the guest met an error: \(errors)",
                remedy: "keep the replica directory, and report this")
        }
        session.console.print("point \(proof.point) is what the disks held at its capture")
    }

    private func scene(_ services: DemoServices) async throws -> DemoScene {
        let found = try await services.vault.registry().protections.first { $0.guest == ground.guestName }
        guard let found else {
            throw OperatorError(.refused, "\(ground.guestName) is not protected", remedy: "play the part protect first")
        }
        return DemoScene(stage: ground, services: services, protection: found)
    }

    private func remember(_ outcome: DemoOutcome) throws {
        var story = try DemoStory.read(InstalledGround.story)
        story.outcomes.append(outcome)
        try story.write(InstalledGround.story)
    }

    private func close() throws {
        let report = try DemoStory.read(InstalledGround.story).report()
        session.console.print(report.table)
        session.console.print("")
        session.console.print(DemoOutcome.table(of: report.outcomes))
        guard report.succeeded else {
            throw OperatorError(
                .failed, "the demo did not show what it should", remedy: "report this with the lines above")
        }
    }
}
