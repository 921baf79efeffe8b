internal import FoundationEssentials
internal import Messages
internal import SwiftProtobuf

extension VaultAnswer {
    var wire: VaultReply.OneOf_Reply {
        switch self {
        case .done: .done(Done())
        case .host(let host): .host(host.wire)
        case .protection(let protection): .protection(protection.wire)
        case .duties(let duties): .duties(.with { $0.duties = duties.map(\.wire) })
        case .cloudProtected(let result): .protectCloudResult(result.wire)
        case .snapshot(let stored): .snapshot(stored.wire)
        case .audit(let entries): .auditList(.with { $0.entries = entries.map(\.wire) })
        }
    }

    /// How the answer to a command is kept for its repetition.
    var encoded: [UInt8] {
        do {
            return try VaultReply.with { $0.reply = wire }.serializedBytes()
        } catch {
            // bascule.v1 has no required fields, and the registry is bounded far below protobuf's 2 GiB.
            preconditionFailure("an answer could not be encoded: \(error)")
        }
    }
}

extension VaultReply {
    /// What ``VaultAnswer/encoded`` made.
    init(encoded: [UInt8]) throws(VaultError) {
        do {
            try self.init(serializedBytes: encoded)
        } catch {
            throw VaultError(
                .corruptData, "The stored answer to this command cannot be read.",
                remedy: "Read what the command was about, and repeat it under a new operation identifier if need be.",
                facts: ["bytes": "\(encoded.count)"])
        }
    }
}

extension VaultHealth.Level {
    var wire: HealthLevel {
        switch self {
        case .normal: .normal
        case .warning: .warning
        case .critical: .critical
        }
    }
}

extension CloudProtectionResult {
    fileprivate var wire: ProtectCloudResult {
        .with {
            $0.created = created.map(\.wire)
            $0.refused = refused.map { refusal in
                .with {
                    $0.guest = refusal.guest
                    $0.error = RemoteError(refusal.error).wire
                }
            }
            $0.already = already
        }
    }
}

extension StoredVault {
    fileprivate var wire: Snapshot {
        .with {
            $0.eventNumber = lastEventNumber
            $0.epoch = Data(epoch)
            $0.sites = registry.sites.values.sorted { $0.name < $1.name }.map(\.wire)
            $0.clouds = registry.clouds.values.sorted { $0.name < $1.name }.map(\.wire)
            $0.pairs = registry.pairs.values.sorted { $0.key < $1.key }.map(\.wire)
            $0.hosts = registry.hosts.values.sorted { $0.id < $1.id }.map(\.wire)
            $0.guests = registry.guests.values.flatMap(\.values).sorted { $0.key < $1.key }.map(\.wire)
            $0.protections = registry.protections.values.sorted { $0.id < $1.id }.map(\.wire)
        }
    }
}

extension NumberedAuditEntry {
    fileprivate var wire: Messages.AuditEntry {
        .with {
            $0.number = number
            $0.timeUnixMs = entry.timeUnixMilliseconds
            $0.actor = entry.actor
            $0.action = entry.action
            $0.subject = entry.subject
            $0.outcome = entry.outcome
        }
    }
}
