internal import GRDB

// One table row of each kind, both ways. Order and names are those of the migrations.

extension Site {
    var columns: StoredColumns { [("name", name)] }

    init(row: Row) throws { self.init(name: try row.text("name")) }
}

extension Cloud {
    var columns: StoredColumns { [("name", name), ("site", site)] }

    init(row: Row) throws { self.init(name: try row.text("name"), site: try row.text("site")) }
}

extension CloudPair.Key {
    var columns: StoredColumns { [("source_cloud", sourceCloud), ("target_cloud", targetCloud)] }

    init(row: Row) throws {
        self.init(sourceCloud: try row.text("source_cloud"), targetCloud: try row.text("target_cloud"))
    }
}

extension CloudPair {
    var columns: StoredColumns {
        get throws {
            key.columns + [
                ("policy", policy), ("coverage", coverage.rawValue), ("fence_action", fenceAction.rawValue),
                ("networks", try networks.stored),
            ]
        }
    }

    init(row: Row) throws {
        self.init(
            key: try Key(row: row), policy: try row.text("policy"),
            coverage: try row.choice("coverage", of: Coverage.self),
            fenceAction: try row.choice("fence_action", of: FenceAction.self),
            networks: try row.list("networks", of: NetworkMapping.self))
    }
}

extension GuestExclusion {
    var columns: StoredColumns { pair.columns + [("guest_uuid", guestUUID.text)] }

    init(row: Row) throws {
        self.init(pair: try CloudPair.Key(row: row), guestUUID: try row.identifier("guest_uuid"))
    }
}

extension Host {
    private enum Contact: String {
        case reachable, silent
    }

    var columns: StoredColumns {
        [
            ("id", id.text), ("name", name), ("cloud", cloud), ("control_endpoint", controlEndpoint),
            ("agent_version", agentVersion), ("hypervisor_uri", hypervisorURI),
            ("memory_bytes", capacity.memoryBytes.stored), ("memory_free_bytes", capacity.memoryFreeBytes.stored),
            ("replica_bytes", capacity.replicaBytes.stored),
            ("replica_free_bytes", capacity.replicaFreeBytes.stored),
            ("contact", (contact.isReachable ? Contact.reachable : .silent).rawValue),
            ("last_seen_unix_ms", contact.lastSeenUnixMilliseconds),
            ("inventory_sequence", inventorySequence.stored), ("incarnation", incarnation.stored),
        ]
    }

    init(row: Row) throws {
        let lastSeen = try row.integer("last_seen_unix_ms")
        let contact: HostContact =
            switch try row.choice("contact", of: Contact.self) {
            case .reachable: .reachable(lastSeen: lastSeen)
            case .silent: .silent(lastSeen: lastSeen)
            }
        self.init(
            id: try row.identifier("id"), name: try row.text("name"), cloud: try row.text("cloud"),
            controlEndpoint: try row.text("control_endpoint"), agentVersion: try row.text("agent_version"),
            hypervisorURI: try row.text("hypervisor_uri"),
            capacity: HostCapacity(
                memoryBytes: try row.number("memory_bytes"), memoryFreeBytes: try row.number("memory_free_bytes"),
                replicaBytes: try row.number("replica_bytes"),
                replicaFreeBytes: try row.number("replica_free_bytes")),
            contact: contact, inventorySequence: try row.number("inventory_sequence"),
            incarnation: try row.number("incarnation"))
    }
}

extension Guest {
    var columns: StoredColumns {
        get throws {
            [
                ("host_id", key.hostID.text), ("uuid", key.uuid.text), ("name", name), ("power", power.rawValue),
                ("memory_bytes", memoryBytes.stored), ("virtual_cpus", Int64(virtualCPUs)),
                ("disks", try disks.stored), ("findings", try findings.stored),
                ("has_guest_agent", hasGuestAgent), ("definition_digest", definitionDigest.storedBytes),
            ]
        }
    }

    init(row: Row) throws {
        guard let virtualCPUs = UInt32(exactly: try row.integer("virtual_cpus")) else {
            throw row.damaged("virtual_cpus")
        }
        self.init(
            key: Key(hostID: try row.identifier("host_id"), uuid: try row.identifier("uuid")),
            name: try row.text("name"), power: try row.choice("power", of: GuestPower.self),
            memoryBytes: try row.number("memory_bytes"), virtualCPUs: virtualCPUs,
            disks: try row.list("disks", of: GuestDisk.self),
            findings: try row.list("findings", of: GuestFinding.self),
            hasGuestAgent: try row.integer("has_guest_agent") != 0,
            definitionDigest: try row.bytes("definition_digest"))
    }
}

extension Protection {
    var columns: StoredColumns {
        [
            ("id", id.text), ("guest_uuid", guestUUID.text), ("guest_name", guestName),
            ("source_host_id", sourceHostID.text), ("target_host_id", targetHostID.text),
            ("source_cloud", pair.sourceCloud), ("target_cloud", pair.targetCloud),
            ("state", state.word), ("state_detail", state.storedDetail), ("state_reason", stateReason),
            ("direction", direction.rawValue), ("generation", generation.stored), ("version", version.stored),
            ("policy_override", policyOverride), ("created_unix_ms", createdUnixMilliseconds),
            ("active_side", activeSide.rawValue), ("run", run?.text ?? ""),
            ("failover_cycle", failoverCycle.stored), ("alarm", alarm), ("last_run", lastStep?.run.text ?? ""),
            ("last_step", lastStep?.step.rawValue ?? ""), ("last_step_cycle", (lastStep?.cycle ?? 0).stored),
        ]
    }

    init(row: Row) throws {
        let (word, detail) = (try row.text("state"), try row.text("state_detail"))
        guard let state = ProtectionState.all.first(where: { $0.word == word && $0.storedDetail == detail }) else {
            throw row.damaged("state")
        }
        self.init(
            id: try row.identifier("id"), guestUUID: try row.identifier("guest_uuid"),
            guestName: try row.text("guest_name"), sourceHostID: try row.identifier("source_host_id"),
            targetHostID: try row.identifier("target_host_id"), pair: try CloudPair.Key(row: row), state: state,
            stateReason: try row.text("state_reason"),
            direction: try row.choice("direction", of: ReplicationDirection.self),
            generation: try row.number("generation"), version: try row.number("version"),
            policyOverride: try row.text("policy_override"),
            createdUnixMilliseconds: try row.integer("created_unix_ms"),
            activeSide: try row.choice("active_side", of: ActiveSide.self),
            run: try row.text("run").isEmpty ? nil : try row.identifier("run"),
            failoverCycle: try row.number("failover_cycle"), alarm: try row.text("alarm"),
            lastStep: try row.text("last_step").isEmpty ? nil : try StepTaken(row: row))
    }
}

extension StepTaken {
    fileprivate init(row: Row) throws {
        self.init(
            run: try row.identifier("last_run"), step: try row.choice("last_step", of: FailoverStep.self),
            cycle: try row.number("last_step_cycle"))
    }
}

extension ProtectionState {
    /// What the state carries; empty where it carries nothing.
    fileprivate var storedDetail: String {
        switch self {
        case .enabling, .seeding, .protected, .resynchronizing, .failingOver, .commitPending, .committed, .reversing:
            ""
        case .paused(let active): active.rawValue
        case .disabling(let fate): fate.rawValue
        }
    }
}

extension NumberedAuditEntry {
    init(row: Row) throws {
        self.init(
            number: try row.number("number"),
            entry: AuditEntry(
                timeUnixMilliseconds: try row.integer("time_unix_ms"), actor: try row.text("actor"),
                action: try row.text("action"), subject: try row.text("subject"), outcome: try row.text("outcome")))
    }
}

extension StoredEvent {
    init(row: Row) throws {
        self.init(
            number: try row.number("number"), timeUnixMilliseconds: try row.integer("time_unix_ms"),
            kind: try row.text("kind"), subject: try row.text("subject"))
    }
}
