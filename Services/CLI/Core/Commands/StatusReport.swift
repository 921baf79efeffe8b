/// How every protection stands: the vault's registry and the policy service's view, put side by side.
package struct StatusReport: Sendable, Equatable, Codable {
    package struct Row: Sendable, Equatable, Codable {
        package var protection: Registry.Protection
        package var sourceHostName: String
        package var targetHostName: String
        /// Nil while the policy service has not taken it up, or does not answer.
        package var status: ReplicationStatus?

        package var isCritical: Bool { status?.health == .critical || !protection.alarm.isEmpty }

        /// A service that answers and still has not heard of it, which takes it a moment.
        var isNotTakenUp = false

        private enum CodingKeys: String, CodingKey {
            case protection, sourceHostName, targetHostName, status
        }

        /// The host whose guest may run.
        var activeCell: Table.Cell {
            switch protection.activeSide {
            case .source: .init(sourceHostName)
            case .target: .init(targetHostName, .warning)
            case .unknown: .init("unknown", .dim)
            }
        }

        /// Both sides run: which holds what, and the one command that resolves it.
        var alarm: String? {
            guard !protection.alarm.isEmpty else { return nil }
            let guest = protection.guest
            let way: String
            switch protection.state {
            case .commitPending:
                way =
                    "Keep what \(targetHostName) holds: bascule reverse \(guest);"
                    + " or what \(sourceHostName) holds: bascule cancel \(guest)."
            case .committed:
                way = "Keep what \(targetHostName) holds: bascule reverse \(guest)."
            case .failingOver:
                way = "See what the run needs: bascule runs \(guest)."
            case .enabling, .seeding, .protected, .paused, .resynchronizing, .disabling, .reversing, .unknown:
                let (active, other) =
                    protection.activeSide == .target
                    ? (targetHostName, sourceHostName) : (sourceHostName, targetHostName)
                way = "What \(active) holds counts: shut the guest at \(other) down."
            }
            return "\(protection.alarm) \(way)"
        }
    }

    package var rows: [Row]
    /// Names of guests without protection on hosts of clouds that are paired.
    package var unprotected: [String]
    /// Why the policy service's part is missing; nil when it is there.
    package var policyError: String?

    private enum CodingKeys: String, CodingKey {
        case rows = "protections"
        case unprotected
        case policyError
    }

    /// - Parameter nowUnixMilliseconds: tells a protection that was made this moment from one that is not taken up.
    package init(
        registry: Registry, protections: [Registry.Protection], statuses: [ReplicationStatus], policyError: String?,
        nowUnixMilliseconds: Int64 = 0
    ) {
        rows = protections.map { protection in
            let status = statuses.first { $0.protection == protection.id }
            let age = nowUnixMilliseconds - protection.createdUnixMilliseconds
            return Row(
                protection: protection, sourceHostName: registry.hostName(protection.sourceHost),
                targetHostName: registry.hostName(protection.targetHost), status: status,
                isNotTakenUp: status == nil && policyError == nil && age > OperatorLimits.takingUpMilliseconds)
        }
        let sources = Set(registry.pairs.map(\.source))
        let hosts = Set(registry.hosts.filter { sources.contains($0.cloud) }.map(\.id))
        unprotected = registry.guests.filter { hosts.contains($0.hostID) && registry.protection(of: $0) == nil }.map(
            \.name)
        self.policyError = policyError
    }

    /// For monitoring: what is known to be bad comes first, and not to know is not well either.
    ///
    /// - Throws: `OperatorError` with code `refused`, or `unavailable` when the policy service does not answer.
    package func check() throws {
        let critical = rows.filter(\.isCritical)
        guard critical.isEmpty else {
            throw OperatorError(
                .refused, "critical: \(critical.map(\.protection.guest).joined(separator: ", "))",
                remedy: "the lines above say why")
        }
        if let policyError {
            throw OperatorError(
                .unavailable, "the policy service does not answer, so no health is known: \(policyError)",
                remedy: "see whether bascule-policy runs: bascule health")
        }
        let strange = rows.filter(\.isNotTakenUp)
        guard strange.isEmpty else {
            throw OperatorError(
                .refused,
                "the policy service does not know of: \(strange.map(\.protection.guest).joined(separator: ", "))",
                remedy: "see whether it follows the vault: bascule health")
        }
    }

    package func lines(width: Int?, styled: Bool) -> [String] {
        guard !rows.isEmpty else {
            return DisplayWidth.wrapped(
                "Nothing is protected yet. See what could be: bascule guests", to: width ?? .max, others: "  ")
                + notes(width: width)
        }
        return table.lines(width: width, styled: styled) + reasons(width: width, styled: styled) + notes(width: width)
    }

    private var table: Table {
        var table = Table([
            .init("GUEST", minimum: 8), .init("DIRECTION", minimum: 9, rank: 4), .init("ACTIVE", minimum: 6, rank: 2),
            .init("STATE", minimum: 8),
            .init("HEALTH", minimum: 6), .init("NEWEST", .right), .init("PENDING", .right, rank: 3),
            .init("CHANGED", .right, rank: 5), .init("SENT", .right, rank: 5), .init("TOOK", .right, rank: 5),
        ])
        for row in rows {
            let arrow = "\(row.sourceHostName) → \(row.targetHostName)"
            let status = row.status
            let pending = status.flatMap { $0.cycleOpen ? HumanUnits.bytes($0.pendingBytes) : nil }
            table.add([
                .init(row.protection.guest), .init(arrow), row.activeCell, .init(row.protection.state.words),
                !row.protection.alarm.isEmpty
                    ? .init(ReplicationStatus.Level.critical.rawValue, .bad)
                    : status.map { .init($0.health.rawValue, $0.health.style) } ?? .init("unknown", .dim),
                .init(status?.newestPointAgeMilliseconds.map(HumanUnits.duration(milliseconds:)) ?? "none"),
                .init(pending ?? "–"), .init(status?.lastCycle.map { HumanUnits.bytes($0.changedBytes) } ?? "–"),
                .init(status?.lastCycle.map { HumanUnits.bytes($0.sentBytes) } ?? "–"),
                .init(
                    status?.lastCycle.map { HumanUnits.duration(milliseconds: Int64($0.durationMilliseconds)) } ?? "–"),
            ])
        }
        return table
    }

    /// Why something is not normal, and what to do: broken into lines, and never cut, because the remedy comes last.
    private func reasons(width: Int?, styled: Bool) -> [String] {
        var lines: [String] = []
        for row in rows {
            var sentences: [(TextStyle, String)] = []
            if let alarm = row.alarm { sentences.append((.bad, alarm)) }
            if let status = row.status, status.health != .normal, !status.healthReason.isEmpty {
                sentences.append((status.health.style, "\(status.healthReason) \(status.healthRemedy)"))
            }
            let reason = row.protection.stateReason
            let isSaid = sentences.contains { $0.1.contains(reason) }
            if !reason.isEmpty, !isSaid, row.protection.state != .protected {
                sentences.append((.plain, "\(row.protection.state.words): \(reason)"))
            }
            for (style, sentence) in sentences {
                let told = DisplayWidth.wrapped(
                    "\(row.protection.guest): \(sentence)", to: width ?? .max, first: "  ", others: "    ")
                lines += styled ? told.map(style.applied(to:)) : told
            }
        }
        return lines
    }

    private func notes(width: Int?) -> [String] {
        var notes: [String] = []
        if let policyError {
            notes.append("The policy service does not answer, so ages and sizes are missing: \(policyError)")
        }
        if !unprotected.isEmpty {
            notes.append("Not protected: \(unprotected.joined(separator: ", "))")
        }
        return notes.flatMap { DisplayWidth.wrapped($0, to: width ?? .max, others: "  ") }
    }
}
