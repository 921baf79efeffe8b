/// What hosts report: guests that came, changed and went, and guests to protect without being asked.
extension VaultStateMachine {
    func reportInventory(
        _ report: InventoryReport, _ draft: inout VaultDraft, using generator: inout some RandomNumberGenerator
    ) throws(VaultError) {
        guard let host = draft.registry.hosts[report.hostID] else {
            throw VaultError(
                .notFound, "Host \(report.hostID) is not registered.", remedy: "Register it before it reports.")
        }
        try checkIncarnation(report.incarnation, of: host)
        guard report.incarnation == host.incarnation else {
            throw VaultError(
                .notFound, "Incarnation \(report.incarnation) of host \(host.name) is not registered.",
                remedy: "Register it before it reports.")
        }
        guard report.sequence > 0 else {
            throw VaultError(
                .invalidArgument, "An inventory of host \(host.name) has no sequence number.", remedy: "Count from 1.")
        }
        guard !host.isLeaving else {
            throw VaultError(
                .notFound, "Host \(host.name) was removed.", remedy: "Register it before it reports.")
        }
        // Late or repeated, which is normal: a newer report already said more.
        guard report.sequence > host.inventorySequence else {
            draft.answer(.duties(duties(of: host, draft.registry)))
            return
        }
        let guests = try check(report, of: host, draft.registry)
        recordHost(host, report, &draft)
        recordGuests(guests, of: host, &draft)
        for side in report.sides { takeOver(side, from: host, &draft) }
        updateAlarms(of: host, reporting: true, &draft)
        protectAutomatically(on: host, &draft, using: &generator)
        draft.answer(.duties(duties(of: host, draft.registry)))
    }

    /// An alarm begins only with what the side that may not run reports itself: what is known of it may be older than
    /// the change of sides. It ends as soon as anything says that it is over.
    func updateAlarms(of host: Host, reporting: Bool = false, _ draft: inout VaultDraft) {
        for protection in draft.registry.protections(using: host.id) {
            guard !protection.alarm.isEmpty || (reporting && protection.passiveHostID == host.id) else { continue }
            var changed = protection
            changed.alarm = BothSides(of: protection, in: draft.registry)?.sentence ?? ""
            guard changed.alarm != protection.alarm else { continue }
            _ = draft.recordProtection(changed)
            draft.audit(
                "both_sides", protection.guestName, actor: "vault",
                outcome: changed.alarm.isEmpty ? "Only one side runs the guest." : changed.alarm)
        }
    }

    /// A change that subscribers hear of, or only an observation.
    private func recordHost(_ host: Host, _ report: InventoryReport, _ draft: inout VaultDraft) {
        let now = draft.context.moment.unixMilliseconds
        let published = publishedCapacity[host.id] ?? .unknown
        guard host.contact.isReachable, !report.capacity.isNoticeablyDifferent(from: published) else {
            var changed = host
            changed.contact = .reachable(lastSeen: now)
            changed.capacity = report.capacity
            changed.inventorySequence = report.sequence
            draft.record(.host(changed))
            return
        }
        draft.observe(
            HostObservation(
                hostID: host.id, lastSeenUnixMilliseconds: now, capacity: report.capacity,
                inventorySequence: report.sequence))
    }

    private func recordGuests(
        _ guests: [RegistryIdentifier: Guest], of host: Host, _ draft: inout VaultDraft
    ) {
        let present = draft.registry.guests(onHost: host.id)
        for gone in present.values.filter({ guests[$0.key.uuid] == nil }).sorted(by: { $0.key < $1.key }) {
            draft.record(.guestRemoved(gone.key))
        }
        for guest in guests.values.sorted(by: { $0.key < $1.key }) where present[guest.key.uuid] != guest {
            draft.record(.guest(guest))
            guard let protection = draft.registry.protection(ofGuest: guest.key.uuid),
                protection.activeHostID == host.id, protection.guestName != guest.name
            else { continue }
            var renamed = protection
            renamed.guestName = guest.name
            _ = draft.recordProtection(renamed)
        }
    }

    private func protectAutomatically(
        on host: Host, _ draft: inout VaultDraft, using generator: inout some RandomNumberGenerator
    ) {
        let pairs = draft.registry.pairs(fromCloud: host.cloud).filter { $0.coverage == .wholeCloud }
        // Of several pairs the first by name protects: a guest has one protection.
        guard let pair = pairs.first else { return }
        for guest in draft.registry.guests(onHost: host.id).values.sorted(by: { $0.key < $1.key }) {
            guard draft.registry.protection(ofGuest: guest.key.uuid) == nil,
                !draft.registry.exclusions.contains(GuestExclusion(pair: pair.key, guestUUID: guest.key.uuid))
            else { continue }
            do throws(VaultError) {
                let protection = try makeUnnamedProtection(of: guest, under: pair, &draft, using: &generator)
                draft.audit("auto_protect", protection.guestName, actor: "vault")
                if automaticRefusals[guest.key] != nil { draft.note(AutomaticRefusal(guest: guest.key, sentence: nil)) }
            } catch {
                guard automaticRefusals[guest.key] != error.message else { continue }
                draft.note(AutomaticRefusal(guest: guest.key, sentence: error.message))
                draft.audit("auto_protect", guest.name, actor: "vault", outcome: error.message)
            }
        }
    }
}

// MARK: - Checks of what a host says

extension VaultStateMachine {
    /// The reported guests by UUID, or the first reason why the report cannot be taken.
    private func check(
        _ report: InventoryReport, of host: Host, _ registry: Registry
    ) throws(VaultError) -> [RegistryIdentifier: Guest] {
        guard report.guests.count <= VaultLimits.maximumGuestsPerHost else {
            throw VaultError(
                .resourceExhausted, "Host \(host.name) reports \(report.guests.count) guests.",
                remedy: "Spread them: a host can have \(VaultLimits.maximumGuestsPerHost).")
        }
        let present = registry.guests(onHost: host.id)
        guard registry.guestCount - present.count + report.guests.count <= VaultLimits.maximumGuests else {
            throw Self.full("guests", VaultLimits.maximumGuests)
        }
        let presentBytes = present.values.reduce(0) { $0 + $1.estimatedBytes }
        let reportedBytes = report.guests.reduce(0) { $0 + $1.estimatedBytes }
        guard registry.guestBytes - presentBytes + reportedBytes <= VaultLimits.maximumGuestBytes else {
            throw Self.full("bytes of guests", VaultLimits.maximumGuestBytes)
        }
        try Self.check(report.sides, of: host)
        var guests: [RegistryIdentifier: Guest] = [:]
        for guest in report.guests {
            guard guest.key.hostID == host.id else {
                throw VaultError(
                    .invalidArgument,
                    "Host \(host.name) reports the guest \(TextRule.quoted(guest.name)) of another host.",
                    remedy: "Report only the host's own guests.", facts: ["other_host": guest.key.hostID.text])
            }
            try Self.check(guest)
            guard guests.updateValue(guest, forKey: guest.key.uuid) == nil else {
                throw VaultError(
                    .invalidArgument, "Host \(host.name) reports the guest \(guest.key.uuid) twice.",
                    remedy: "Report every guest once.")
            }
        }
        return guests
    }

    private static func check(_ sides: [SideReport], of host: Host) throws(VaultError) {
        guard sides.count <= VaultLimits.maximumProtections else {
            throw VaultError(
                .resourceExhausted, "Host \(host.name) reports \(sides.count) sides of protections.",
                remedy: "Report at most \(VaultLimits.maximumProtections).")
        }
        for side in sides where side.generation > VaultLimits.maximumReportedGeneration {
            throw VaultError(
                .invalidArgument, "Host \(host.name) reports the generation \(side.generation) of a protection.",
                remedy: "Look at the manifest of its replica: no protection changes sides that often.",
                facts: ["protection": side.protection.text])
        }
    }

    private static func check(_ guest: Guest) throws(VaultError) {
        guard !guest.name.isEmpty else {
            throw VaultError(.invalidArgument, "A guest has no name.", remedy: "Report the name that libvirt gives.")
        }
        try TextRule.checkText(guest.name, "guest's name", maximumBytes: VaultLimits.maximumGuestNameBytes)
        guard guest.disks.count <= VaultLimits.maximumDisksPerGuest else {
            throw VaultError(
                .resourceExhausted, "Guest \(TextRule.quoted(guest.name)) has \(guest.disks.count) disks.",
                remedy: "A guest can have \(VaultLimits.maximumDisksPerGuest).")
        }
        for disk in guest.disks {
            try TextRule.checkText(disk.target, "disk's target", maximumBytes: VaultLimits.maximumNameBytes)
            try TextRule.checkText(disk.format, "disk's format", maximumBytes: VaultLimits.maximumNameBytes)
            try TextRule.checkText(disk.source, "disk's source", maximumBytes: VaultLimits.maximumPathBytes)
        }
        guard guest.findings.count <= VaultLimits.maximumFindingsPerGuest else {
            throw VaultError(
                .resourceExhausted, "Guest \(TextRule.quoted(guest.name)) has \(guest.findings.count) findings.",
                remedy: "Report at most \(VaultLimits.maximumFindingsPerGuest).")
        }
        for finding in guest.findings {
            try TextRule.checkText(finding.rule, "finding's rule", maximumBytes: VaultLimits.maximumNameBytes)
            try TextRule.checkText(finding.subject, "finding's subject", maximumBytes: VaultLimits.maximumPathBytes)
            try TextRule.checkText(finding.message, "finding", maximumBytes: VaultLimits.maximumSentenceBytes)
            try TextRule.checkText(finding.remedy, "finding's remedy", maximumBytes: VaultLimits.maximumSentenceBytes)
        }
        guard guest.definitionDigest.count <= VaultLimits.maximumDigestBytes else {
            throw VaultError(
                .invalidArgument, "The digest of guest \(TextRule.quoted(guest.name)) is too long.",
                remedy: "Give a SHA-256 digest.")
        }
    }
}
