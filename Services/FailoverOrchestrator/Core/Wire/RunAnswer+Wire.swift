import Messages

extension RunCall {
    private static func nonsense(of service: String) -> OrchestratorError {
        OrchestratorError(
            .internal, "The \(service) answered with something else than was asked.",
            remedy: "Compare the versions of the \(service) and of the orchestrator.")
    }

    func answer(_ reply: Messages.VaultReply.OneOf_Reply) throws -> RunAnswer {
        switch (self, reply) {
        case (.snapshot, .snapshot(let snapshot)):
            return .registry(RegistryView(wire: snapshot))
        case (.advance, .protection(let protection)):
            guard let entry = ProtectionEntry(wire: protection) else { throw Self.nonsense(of: "vault") }
            return .protection(entry)
        case (_, _): throw Self.nonsense(of: "vault")
        }
    }

    func answer(_ reply: Messages.PolicyReply.OneOf_Reply) throws -> RunAnswer {
        switch (self, reply) {
        case (.policies, .policies(let list)): return .policies(list.policies.map { PolicyEntry(wire: $0) })
        case (.status, .statuses(let list)):
            guard let status = list.statuses.first else { throw Self.nonsense(of: "policy service") }
            return .status(
                CycleProgress(
                    isOpen: status.cycleOpen, pendingBytes: status.pendingBytes, totalBytes: status.totalBytes))
        case (.history, .history(let history)): return .history(history.cycles.map { CycleOutcome(wire: $0) })
        case (.trigger, .done): return .done
        case (_, _): throw Self.nonsense(of: "policy service")
        }
    }

    func answer(_ reply: Messages.AgentReply.OneOf_Reply) throws -> RunAnswer {
        guard case .agent(_, let order) = self else { throw Self.nonsense(of: "host agent") }
        switch (order, reply) {
        case (.describeSide, .side(let side)): return .side(SideState(wire: side))
        case (.describeReplica, .replica(let replica)):
            return .replica(ReplicaState(generation: replica.generation, isAdopted: replica.adopted))
        case (.listPoints, .points(let list)): return .points(list.points.map { RecoveryPoint(wire: $0) })
        case (.stopGuest, .guestStopped(let stopped)): return .guestStopped(forced: stopped.forced)
        case (.startReplica, .replicaStarted(let started)):
            return .replicaStarted(StartedReplica(wire: started))
        case (.commitReplica, .workProgress(let progress)), (.prepareReplica, .workProgress(let progress)):
            return .progress(
                WorkProgress(
                    isFinished: progress.finished, doneBytes: progress.doneBytes, totalBytes: progress.totalBytes))
        case (.setSide, .done), (.startGuest, .done), (.stopReplica, .done), (.adoptDisks, .done): return .done
        case (_, _): throw Self.nonsense(of: "host agent")
        }
    }
}

extension PolicyEntry {
    init(wire: Messages.ReplicationPolicy) {
        let given = wire.shutdownLimitSeconds.multipliedReportingOverflow(by: 1_000)
        let limit = given.overflow ? UInt32.max : given.partialValue
        self.init(
            name: wire.name,
            shutdownLimitMilliseconds: limit == 0
                ? OrchestratorLimits.shutdownLimitMillisecondsDefault
                : min(limit, OrchestratorLimits.shutdownLimitMillisecondsMaximum),
            whenShutdownFails: WhenShutdownFails(wire: wire.whenShutdownFails) ?? .stop)
    }
}

extension CycleOutcome {
    init(wire: Messages.CycleReport) {
        self.init(
            cycle: wire.cycle, capturedUnixMilliseconds: wire.capturedUnixMs, isOffline: wire.offline,
            isApplicationConsistent: wire.consistency == .application,
            error: wire.hasError ? OrchestratorError(wire: wire.error) : nil)
    }
}

extension SideState {
    init(wire: Messages.SideDescription) {
        let runs =
            switch wire.power {
            case .running, .paused: true
            case .shutOff, .crashed, .unspecified, .UNRECOGNIZED: false
            }
        self.init(
            generation: wire.generation, hasGuest: wire.power != .unspecified, guestRuns: runs,
            runsReplica: wire.hasFailover, runsTest: wire.hasTest, hasReplica: wire.hasReplica_p, alarm: wire.alarm)
    }
}

extension RecoveryPoint {
    init(wire: Messages.RecoveryPoint) {
        self.init(
            cycle: wire.cycle, capturedUnixMilliseconds: wire.capturedUnixMs,
            isApplicationConsistent: wire.consistency == .application, isVerified: wire.verified)
    }
}

extension StartedReplica {
    init(wire: Messages.ReplicaStarted) {
        self.init(
            guestName: wire.guestName, cycle: wire.cycle, startMilliseconds: Int64(wire.startMs),
            warnings: wire.warnings.prefix(OrchestratorLimits.warningsMaximum).map { RunRecord.cut($0) })
    }
}
