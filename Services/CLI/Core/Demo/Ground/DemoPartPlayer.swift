import TestGuest

/// Plays one part of the story on services that already run, and remembers what it showed for the closing table.
struct DemoPartPlayer: Sendable {
    let ground: InstalledGround
    let session: OperatorSession

    /// While seeding, so that it takes long enough for workers to come in the middle of it on a busy machine, too: the
    /// first jobs of the first worker last twenty seconds. Whoever plays the part lifts the limit when they have come.
    private static let seedingBytesPerSecond: UInt64 = 3 << 20

    /// - Parameter points: for the part `check`: numbers of those that are read; none: the newest.
    func play(_ part: DemoPart, points: [UInt64] = []) async throws {
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
        case .write: try await write(ground.home, services)
        case .writeAway: try await write(try await scene(services).replica("failover"), services)
        case .burst:
            try await ground.home.tell("random \(16 * ground.plan.burstMiB) 7", within: ground.plan.stepLimit)
        case .check: try await check(points, services)
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
    private func write(_ guest: GuestPorts, _ services: DemoServices) async throws {
        try await services.wait(for: "the guest to obey") { () -> Bool? in
            do {
                try await guest.tell("rate \(ground.plan.recordsPerSecond)", within: .seconds(5))
                return true
            } catch let error as TestGuestError where [.late, .toolFailed].contains(error.code) {
                return nil
            }
        }
    }

    /// Reads the points back in the order of their captures. Records are only ever added, so none may end sooner than the
    /// one before it.
    private func check(_ numbers: [UInt64], _ services: DemoServices) async throws {
        let scene = try await scene(services)
        let points = numbers.isEmpty ? [try await scene.newestCycle()] : numbers.sorted()
        let prover = DemoProver(stage: ground, services: services)
        var before: UInt64 = 0
        for point in points {
            let found = try await prover.records(of: scene.protection, at: point)
            var faults = found.faults + ground.home.console.writeErrors
            if found.newest < before {
                faults.append("it ends at record \(found.newest), a point before it at \(before)")
            }
            guard faults.isEmpty, found.newest > 0 else {
                throw OperatorError(
                    .failed, "point \(point) is not whole: \(faults.first ?? "it holds no record")",
                    remedy: "keep the replica directory, and report this")
            }
            before = found.newest
            session.console.print("point \(point) is whole up to record \(HumanUnits.count(found.newest))")
        }
    }

    private func prove(_ services: DemoServices) async throws {
        let scene = try await scene(services)
        let proof = try await DemoProver(stage: ground, services: services).prove(scene.protection)
        let errors = ground.home.console.writeErrors
        let faults = (proof.isIdentical ? [] : ["it differs from what the disks held"]) + proof.faults + errors
        guard faults.isEmpty else {
            throw OperatorError(
                .failed, "point \(proof.point) is not what it should be: \(faults.joined(separator: "; "))",
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
