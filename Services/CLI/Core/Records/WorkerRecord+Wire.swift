package import Messages

extension WorkerRecord {
    package init(wire: WorkerStatus) {
        self.init(
            id: wire.description_p.id, name: wire.description_p.name, endpoint: wire.description_p.controlEndpoint,
            readsHosts: wire.description_p.readsHosts, jobs: wire.jobs, rateBytesPerSecond: wire.rateBytesPerSecond,
            lastSeenAgeMilliseconds: wire.lastSeenAgeMs)
    }
}
