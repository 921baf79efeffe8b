package import Messages

extension RunRecord {
    package init(wire: Run) {
        self.init(
            id: wire.id, kind: Kind(wire: wire.kind), protection: wire.protection, guest: wire.guestName,
            guestUUID: wire.guestUuid, state: State(wire: wire.state), steps: wire.steps.map(Step.init(wire:)),
            startedUnixMilliseconds: wire.startedUnixMs, endedUnixMilliseconds: wire.endedUnixMs,
            requestedBy: wire.requestedBy, generation: wire.generation, fromHost: wire.fromHost, toHost: wire.toHost,
            cycle: wire.cycle, capturedUnixMilliseconds: wire.capturedUnixMs,
            // A run without a point has neither.
            rpoMilliseconds: wire.rpoMs < 0 || wire.cycle == 0 ? nil : wire.rpoMs,
            rtoMilliseconds: wire.rtoMs <= 0 ? nil : wire.rtoMs, sentence: wire.sentence, remedy: wire.remedy,
            warnings: wire.warnings, startedGuest: wire.startedGuest)
    }
}

extension RunRecord.Step {
    package init(wire: RunStep) {
        self.init(
            number: wire.number, name: wire.name, title: wire.title, state: State(wire: wire.state),
            startedUnixMilliseconds: wire.startedUnixMs, endedUnixMilliseconds: wire.endedUnixMs,
            attempts: wire.attempts, detail: wire.detail, doneBytes: wire.doneBytes, totalBytes: wire.totalBytes)
    }
}

extension RunRecord.Kind {
    package init(wire: RunKind) {
        switch wire {
        case .test: self = .test
        case .cleanup: self = .cleanup
        case .planned: self = .planned
        case .unplanned: self = .unplanned
        case .changePoint: self = .changePoint
        case .commit: self = .commit
        case .cancel: self = .cancel
        case .reverse: self = .reverse
        case .failback: self = .failback
        case .unspecified, .UNRECOGNIZED: self = .unknown
        }
    }

    /// `unknown` is what a newer orchestrator may say; nobody asks for it.
    package var wire: RunKind {
        switch self {
        case .test: .test
        case .cleanup: .cleanup
        case .planned: .planned
        case .unplanned: .unplanned
        case .changePoint: .changePoint
        case .commit: .commit
        case .cancel: .cancel
        case .reverse: .reverse
        case .failback: .failback
        case .unknown: .unspecified
        }
    }
}

extension RunRecord.State {
    package init(wire: RunState) {
        switch wire {
        case .running: self = .running
        case .waiting: self = .waiting
        case .succeeded: self = .succeeded
        case .failed: self = .failed
        case .unspecified, .UNRECOGNIZED: self = .unknown
        }
    }
}

extension RunRecord.Step.State {
    package init(wire: StepState) {
        switch wire {
        case .pending: self = .pending
        case .running: self = .running
        case .done: self = .done
        case .skipped: self = .skipped
        case .failed: self = .failed
        case .undone: self = .undone
        case .unspecified, .UNRECOGNIZED: self = .unknown
        }
    }
}
