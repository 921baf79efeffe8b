import GRDB

// Rows of the store and the values that they stand for. What cannot be read is refused, never guessed.

/// The columns of one row by name.
typealias StoredColumns = [String: (any DatabaseValueConvertible)?]

extension UInt64 {
    fileprivate var stored: Int64 { Int64(bitPattern: self) }
}

extension Row {
    fileprivate func unsigned(_ column: String) -> UInt64 { UInt64(bitPattern: self[column]) }

    fileprivate func small(_ column: String) throws -> UInt32 {
        guard let value = UInt32(exactly: self[column] as Int64) else { throw Self.broken(column) }
        return value
    }

    fileprivate func time(_ column: String) -> PolicyTime { PolicyTime(milliseconds: self[column]) }

    fileprivate func choice<Choice: RawRepresentable<String>>(_ column: String) throws -> Choice {
        guard let value = Choice(rawValue: self[column]) else { throw Self.broken(column) }
        return value
    }

    fileprivate func schedule(_ column: String, timeZone: String) throws -> BandwidthSchedule {
        guard let windows = BandwidthSchedule.windows(stored: self[column]) else { throw Self.broken(column) }
        return BandwidthSchedule(windows: windows, timeZone: timeZone)
    }

    private static func broken(_ column: String) -> PolicyError {
        PolicyError(
            .corruptData, "Column \(column) of the policy database holds a value that was never written by us.",
            remedy: "Restore the database, or remove it: policies must then be made again, replicas stay usable.")
    }
}

extension PolicySettings {
    init(row: Row) throws {
        self.init(
            name: row["name"], frequencySeconds: try row.small("frequencySeconds"),
            retention: Retention(
                everyCycleSeconds: try row.small("everyCycleSeconds"), hourlySeconds: try row.small("hourlySeconds"),
                dailySeconds: try row.small("dailySeconds")),
            applicationConsistentEverySeconds: try row.small("applicationConsistentEverySeconds"),
            compression: try row.choice("compression"),
            bandwidthBytesPerSecond: row.unsigned("bandwidthBytesPerSecond"),
            initialNotBeforeUnixSeconds: row["initialNotBeforeUnixSeconds"],
            freezeLimitMilliseconds: try row.small("freezeLimitMilliseconds"), version: row.unsigned("version"),
            shutdownLimitSeconds: try row.small("shutdownLimitSeconds"),
            whenShutdownFails: try row.choice("whenShutdownFails"),
            bandwidthSchedule: try row.schedule("bandwidthSchedule", timeZone: row["timeZone"]))
        try checkInvariants()
    }

    var columns: StoredColumns {
        [
            "name": name, "frequencySeconds": Int64(frequencySeconds),
            "everyCycleSeconds": Int64(retention.everyCycleSeconds), "hourlySeconds": Int64(retention.hourlySeconds),
            "dailySeconds": Int64(retention.dailySeconds),
            "applicationConsistentEverySeconds": Int64(applicationConsistentEverySeconds),
            "compression": compression.rawValue, "bandwidthBytesPerSecond": bandwidthBytesPerSecond.stored,
            "initialNotBeforeUnixSeconds": initialNotBeforeUnixSeconds,
            "freezeLimitMilliseconds": Int64(freezeLimitMilliseconds), "version": version.stored,
            "shutdownLimitSeconds": Int64(shutdownLimitSeconds), "whenShutdownFails": whenShutdownFails.rawValue,
            "bandwidthSchedule": bandwidthSchedule.stored, "timeZone": bandwidthSchedule.timeZone,
        ]
    }
}

extension BandwidthSchedule {
    /// One window after the other: weekdays, from, to and bytes per second, as numbers.
    fileprivate var stored: String {
        windows.map { "\($0.weekdays) \($0.fromMinute) \($0.toMinute) \($0.bytesPerSecond)" }.joined(separator: ",")
    }

    fileprivate static func windows(stored: String) -> [Window]? {
        let texts = stored.split(separator: ",")
        let windows = texts.compactMap { text -> Window? in
            let numbers = text.split(separator: " ").compactMap { UInt64($0) }
            guard numbers.count == 4, let weekdays = UInt32(exactly: numbers[0]),
                let from = UInt32(exactly: numbers[1]), let to = UInt32(exactly: numbers[2])
            else { return nil }
            return Window(weekdays: weekdays, fromMinute: from, toMinute: to, bytesPerSecond: numbers[3])
        }
        return windows.count == texts.count ? windows : nil
    }
}

extension CloudEntry {
    init(row: Row) { self.init(name: row["name"], site: row["site"]) }

    var columns: StoredColumns { ["name": name, "site": site] }
}

extension HostEntry {
    init(row: Row) { self.init(id: row["id"], name: row["name"], controlEndpoint: row["controlEndpoint"]) }

    var columns: StoredColumns { ["id": id, "name": name, "controlEndpoint": controlEndpoint] }
}

extension PairEntry {
    init(row: Row) {
        self.init(key: Key(sourceCloud: row["sourceCloud"], targetCloud: row["targetCloud"]), policy: row["policy"])
    }

    var columns: StoredColumns {
        ["sourceCloud": key.sourceCloud, "targetCloud": key.targetCloud, "policy": policy]
    }
}

extension ProtectionEntry {
    init(row: Row) throws {
        self.init(
            id: ProtectionIdentifier(row["id"]), guestUUID: row["guestUUID"], guestName: row["guestName"],
            sourceHost: row["sourceHost"], targetHost: row["targetHost"], sourceCloud: row["sourceCloud"],
            targetCloud: row["targetCloud"], state: try row.choice("state"), generation: row.unsigned("generation"),
            version: row.unsigned("version"), policyOverride: row["policyOverride"], stateReason: row["stateReason"],
            keepReplica: row["keepReplica"], direction: try row.choice("direction"),
            activeSide: try row.choice("activeSide"), run: row["run"], failoverCycle: row.unsigned("failoverCycle"),
            alarm: row["alarm"])
    }

    var columns: StoredColumns {
        [
            "id": id.text, "guestUUID": guestUUID, "guestName": guestName, "sourceHost": sourceHost,
            "targetHost": targetHost, "sourceCloud": sourceCloud, "targetCloud": targetCloud, "state": state.rawValue,
            "generation": generation.stored, "version": version.stored, "policyOverride": policyOverride,
            "stateReason": stateReason, "keepReplica": keepReplica, "direction": direction.rawValue,
            "activeSide": activeSide.rawValue, "run": run, "failoverCycle": failoverCycle.stored, "alarm": alarm,
        ]
    }
}

extension ProtectionProgress {
    init(row: Row) throws {
        self.init(protection: ProtectionIdentifier(row["protection"]))
        lastNumber = row.unsigned("lastNumber")
        // It is counted on, and what a newer release refuses at the wire an older one stored.
        guard lastNumber < 1 << 63 else {
            throw PolicyError(
                .internal, "The last cycle of protection \(protection) has the number \(lastNumber), which cannot be.",
                remedy:
                    "Stop the service, and set lastNumber of this protection in the table progress to its newest point's."
            )
        }
        parent = row.unsigned("parent")
        need = CycleNeed(kind: try row.choice("needKind"), reason: row["needReason"])
        if let cycle = row["newestCycle"] as Int64?, let startedAt = row["newestStartedAt"] as Int64? {
            newest = NewestPoint(cycle: UInt64(bitPattern: cycle), startedAt: PolicyTime(milliseconds: startedAt))
        }
        lastApplicationAt = (row["lastApplicationAt"] as Int64?).map { PolicyTime(milliseconds: $0) }
        settledVersion = row.unsigned("settledVersion")
        holder = row["holder"]
        doubtful = row.unsigned("doubtfulCycle")
        let consistency: Consistency? = row["askedConsistency"] == nil ? nil : try row.choice("askedConsistency")
        asked = Asked(storedCycle: (row["askedCycle"] as Int64?).map { UInt64(bitPattern: $0) }, consistency)
        try checkInvariants()
    }

    var columns: StoredColumns {
        [
            "protection": protection.text, "lastNumber": lastNumber.stored, "parent": parent.stored,
            "needKind": need.kind.rawValue, "needReason": need.reason, "newestCycle": newest?.cycle.stored,
            "newestStartedAt": newest?.startedAt.milliseconds, "lastApplicationAt": lastApplicationAt?.milliseconds,
            "settledVersion": settledVersion.stored, "holder": holder, "askedCycle": asked.storedCycle?.stored,
            "askedConsistency": asked.consistency?.rawValue, "doubtfulCycle": doubtful.stored,
        ]
    }
}

extension CycleRecord {
    init(row: Row) throws {
        self.init(
            protection: ProtectionIdentifier(row["protection"]), generation: row.unsigned("generation"),
            cycle: row.unsigned("cycle"), parent: row.unsigned("parent"), kind: try row.choice("kind"),
            reason: row["reason"], wanted: try row.choice("wanted"), sourceHost: row["sourceHost"],
            targetHost: row["targetHost"], guestUUID: row["guestUUID"], dueAt: row.time("dueAt"),
            startedAt: row.time("startedAt"), stage: try row.choice("stage"),
            registryVersion: row.unsigned("registryVersion"), reached: try row.choice("reached"),
            capturedUnixMilliseconds: row["capturedUnixMilliseconds"], changedBytes: row.unsigned("changedBytes"),
            offline: row["offline"])
        try checkInvariants()
    }

    var columns: StoredColumns {
        [
            "protection": protection.text, "generation": generation.stored, "cycle": cycle.stored,
            "parent": parent.stored, "kind": kind.rawValue, "reason": reason, "wanted": wanted.rawValue,
            "sourceHost": sourceHost, "targetHost": targetHost, "guestUUID": guestUUID,
            "dueAt": dueAt.milliseconds, "startedAt": startedAt.milliseconds, "stage": stage.rawValue,
            "registryVersion": registryVersion.stored, "reached": reached.rawValue,
            "capturedUnixMilliseconds": capturedUnixMilliseconds, "changedBytes": changedBytes.stored,
            "offline": offline,
        ]
    }
}

extension CycleReport {
    init(row: Row) throws {
        var error: PolicyError?
        if row["errorCode"] as String? != nil {
            error = PolicyError(
                try row.choice("errorCode"), row["errorMessage"] ?? "", remedy: row["errorRemedy"] ?? "")
        }
        self.init(
            cycle: row.unsigned("cycle"), kind: try row.choice("kind"), consistency: try row.choice("consistency"),
            capturedUnixMilliseconds: row["capturedUnixMilliseconds"], endedAt: row.time("endedAt"),
            durationMilliseconds: row["durationMilliseconds"], changedBytes: row.unsigned("changedBytes"),
            sentBytes: row.unsigned("sentBytes"), error: error, reason: row["reason"], offline: row["offline"])
    }

    var columns: StoredColumns {
        [
            "cycle": cycle.stored, "kind": kind.rawValue, "consistency": consistency.rawValue,
            "capturedUnixMilliseconds": capturedUnixMilliseconds, "endedAt": endedAt.milliseconds,
            "durationMilliseconds": durationMilliseconds, "changedBytes": changedBytes.stored,
            "sentBytes": sentBytes.stored, "reason": reason, "errorCode": error?.code.rawValue,
            "errorMessage": error?.message, "errorRemedy": error?.remedy, "offline": offline,
        ]
    }
}
