package import Messages

extension AuditRecord {
    package init(wire: AuditEntry) {
        self.init(
            number: wire.number, timeUnixMilliseconds: wire.timeUnixMs, actor: wire.actor, action: wire.action,
            subject: wire.subject, outcome: wire.outcome)
    }
}
