package import Messages

extension ServiceHealth {
    package init(wire: HealthReply, endpoint: String) {
        self.init(silent: wire.service, name: wire.name, endpoint: endpoint, why: "")
        answers = true
        health = ReplicationStatus.Level(wire: wire.level)
        version = wire.version
        uptimeSeconds = min(max(0, wire.uptimeSeconds), 1 << 40)
        details = wire.details
    }
}
