package import Messages

extension WorkerRecord {
    package init(wire: WorkerStatus) {
        self.init(
            id: wire.description_p.id, name: wire.description_p.name, endpoint: wire.description_p.controlEndpoint,
            readsHosts: wire.description_p.readsHosts, jobs: wire.jobs, rateBytesPerSecond: wire.rateBytesPerSecond,
            lastSeenAgeMilliseconds: wire.lastSeenAgeMs < 0 ? nil : wire.lastSeenAgeMs, slots: wire.slots,
            state: State(wire: wire.state), running: wire.running.map(Job.init(wire:)),
            speedBytesPerSecond: wire.speedBytesPerSecond)
    }
}

extension WorkerRecord.State {
    package init(wire: WorkerState) {
        switch wire {
        case .working: self = .working
        case .draining: self = .draining
        case .drained: self = .drained
        case .unspecified, .UNRECOGNIZED: self = .unknown
        }
    }
}

extension WorkerRecord.Job {
    package init(wire: WorkerJob) {
        self.init(
            job: wire.job, protection: wire.protection, guest: wire.guest, cycle: wire.cycle,
            kind: CycleRecord.Kind(wire: wire.kind), disk: wire.diskTarget, readBytes: wire.readBytes,
            changedBytes: wire.changedBytes, rateBytesPerSecond: wire.rateBytesPerSecond)
    }
}
