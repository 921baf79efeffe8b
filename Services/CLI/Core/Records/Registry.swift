/// What the vault knows, as one snapshot: the places, the guests and their protections, with lookups by what people
/// call them.
package struct Registry: Sendable, Equatable {
    package var sites: [Site] = []
    package var clouds: [Cloud] = []
    package var pairs: [Pair] = []
    package var hosts: [Host] = []
    package var guests: [Guest] = []
    package var protections: [Protection] = []

    package init() {}

    /// By identifier, or by the guest's name or UUID when only one protection matches.
    ///
    /// - Throws: `OperatorError` with code `notFound`, or `usage` when several match.
    package func protection(named name: String) throws -> Protection {
        if let exact = protections.first(where: { $0.id.lowercased() == name.lowercased() }) { return exact }
        return try single(
            protections.filter { $0.guest == name || $0.guestUUID.lowercased() == name.lowercased() },
            named: name, kind: "protection",
            missing: guests.contains { $0.name == name }
                ? "protect it first: bascule protect \(name)" : "see them all: bascule status",
            describe: { "\($0.id) (\($0.guest): \(self.hostName($0.sourceHost)) → \(self.hostName($0.targetHost)))" })
    }

    /// By name, or by UUID. `host` narrows it when several hosts have a guest of that name.
    ///
    /// - Throws: `OperatorError` with code `notFound`, or `usage` when several match.
    package func guest(named name: String, on host: String? = nil) throws -> Guest {
        let wanted = try host.map { try self.host(named: $0).id }
        return try single(
            guests.filter { guest in
                (guest.name == name || guest.uuid.lowercased() == name.lowercased())
                    && (wanted == nil || guest.hostID == wanted)
            },
            named: name, kind: "guest", missing: "see them all: bascule guests",
            describe: { "\($0.name) on \(self.hostName($0.hostID))" })
    }

    /// By name or identifier.
    ///
    /// - Throws: `OperatorError` with code `notFound`, or `usage` when several match.
    package func host(named name: String) throws -> Host {
        if let exact = hosts.first(where: { $0.id.lowercased() == name.lowercased() }) { return exact }
        return try single(
            hosts.filter { $0.name == name }, named: name, kind: "host", missing: "see them all: bascule hosts",
            describe: { "\($0.id) (cloud \($0.cloud))" })
    }

    /// The name of a host, or its identifier when the vault no longer has it.
    package func hostName(_ id: String) -> String { hosts.first { $0.id == id }?.name ?? id }

    /// - Throws: `OperatorError` with code `notFound` when the vault no longer has the host.
    package func targetHost(of protection: Protection) throws -> Host {
        guard let host = hosts.first(where: { $0.id == protection.targetHost }) else {
            throw OperatorError(
                .notFound, "the target host of \(protection.guest), \(protection.targetHost), is not registered",
                remedy: "start the host agent there; it registers itself")
        }
        return host
    }

    /// The policy a protection is under: its own, else that of its pair of clouds; nil when neither is set.
    package func policy(of protection: Protection) -> String? {
        if !protection.policyOverride.isEmpty { return protection.policyOverride }
        let pair = pairs.first { $0.source == protection.sourceCloud && $0.target == protection.targetCloud }
        return pair.flatMap { $0.policy.isEmpty ? nil : $0.policy }
    }

    /// The protection of a guest on a host, which may be either side of it: after a failover the guest is on both.
    package func protection(of guest: Guest) -> Protection? {
        protections.first {
            $0.guestUUID == guest.uuid && ($0.sourceHost == guest.hostID || $0.targetHost == guest.hostID)
        }
    }

    private func single<Record>(
        _ matches: [Record], named name: String, kind: String, missing remedy: String, describe: (Record) -> String
    ) throws -> Record {
        switch matches.count {
        case 1: return matches[0]
        case 0: throw OperatorError(.notFound, "there is no \(kind) named \"\(name)\"", remedy: remedy)
        default:
            let list = matches.map(describe).joined(separator: "; ")
            throw OperatorError(
                .usage, "\"\(name)\" means \(matches.count) \(kind)s: \(list)", remedy: "name one by its identifier")
        }
    }
}
