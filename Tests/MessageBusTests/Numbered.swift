import Messages

/// A request that carries a number, and the answer that carries it back.
func numbered(_ number: UInt32) -> Envelope.OneOf_Body {
    var list = ListAudit()
    list.limit = number
    var request = VaultRequest()
    request.listAudit = list
    return .vaultRequest(request)
}

func number(of body: Envelope.OneOf_Body?) -> UInt32? {
    switch body {
    case .vaultRequest(let request): request.listAudit.limit
    case .vaultReply(let reply): reply.auditList.entries.first.map { UInt32($0.number) }
    default: nil
    }
}

func answer(_ number: UInt32) -> Envelope.OneOf_Body {
    var entry = AuditEntry()
    entry.number = UInt64(number)
    var list = AuditList()
    list.entries = [entry]
    var reply = VaultReply()
    reply.auditList = list
    return .vaultReply(reply)
}
