extension Registry {
    /// Throws `corruptData` with the first condition of ``Registry`` that does not hold.
    func checkInvariants() throws(VaultError) {
        try checkTopology()
        try checkHostsAndGuests()
        try checkProtections()
        try checkSizes()
    }

    private func checkTopology() throws(VaultError) {
        for cloud in clouds.values where sites[cloud.site] == nil {
            throw Self.broken("Cloud \(cloud.name) is in site \(cloud.site), which does not exist.")
        }
        for pair in pairs.values {
            let key = pair.key
            if clouds[key.sourceCloud] == nil {
                throw Self.broken("A pair names the missing cloud \(key.sourceCloud).")
            }
            if clouds[key.targetCloud] == nil {
                throw Self.broken("A pair names the missing cloud \(key.targetCloud).")
            }
            if key.sourceCloud == key.targetCloud { throw Self.broken("Cloud \(key.sourceCloud) is its own target.") }
        }
        for exclusion in exclusions where pairs[exclusion.pair] == nil {
            throw Self.broken("Guest \(exclusion.guestUUID) is left out of a pair that does not exist.")
        }
    }

    private func checkHostsAndGuests() throws(VaultError) {
        for host in hosts.values where clouds[host.cloud] == nil {
            throw Self.broken("Host \(host.name) is in cloud \(host.cloud), which does not exist.")
        }
        for (hostID, guests) in guests where !guests.isEmpty && hosts[hostID] == nil {
            throw Self.broken("Guests are listed on host \(hostID), which does not exist.")
        }
    }

    private func checkProtections() throws(VaultError) {
        var guests: Set<RegistryIdentifier> = []
        for protection in protections.values {
            let name = "The protection \(protection.id) of \(protection.guestName)"
            if pairs[protection.pair] == nil { throw Self.broken("\(name) is under a pair that does not exist.") }
            if hosts[protection.sourceHostID] == nil { throw Self.broken("\(name) has no source host.") }
            if hosts[protection.targetHostID] == nil { throw Self.broken("\(name) has no target host.") }
            if protection.sourceHostID == protection.targetHostID { throw Self.broken("\(name) targets its own host.") }
            if protection.generation == 0 { throw Self.broken("\(name) has no generation.") }
            if protection.version == 0 { throw Self.broken("\(name) has no version.") }
            if !protection.state.possibleSides.contains(protection.activeSide) {
                throw Self.broken("\(name) is \(protection.state.word) with its \(protection.activeSide) active.")
            }
            if (protection.run != nil) != (protection.state == .failingOver) {
                throw Self.broken("\(name) is \(protection.state.word), which says something else of its run.")
            }
            if protection.failoverCycle > 0, protection.activeSide == .source {
                throw Self.broken("\(name) has a failover's cycle and its source active.")
            }
            if !guests.insert(protection.guestUUID).inserted {
                throw Self.broken("\(name) is not its guest's only one.")
            }
        }
    }

    private func checkSizes() throws(VaultError) {
        let sizes: [(String, Int, Int)] = [
            ("sites", sites.count, VaultLimits.maximumSites),
            ("clouds", clouds.count, VaultLimits.maximumClouds),
            ("pairs", pairs.count, VaultLimits.maximumPairs),
            ("hosts", hosts.count, VaultLimits.maximumHosts),
            ("guests", guestCount, VaultLimits.maximumGuests),
            ("bytes of guests", guestBytes, VaultLimits.maximumGuestBytes),
            ("bytes of network mappings", mappingBytes, VaultLimits.maximumMappingBytes),
            ("protections", protections.count, VaultLimits.maximumProtections),
            ("exclusions", exclusions.count, VaultLimits.maximumExclusions),
        ]
        for (noun, count, maximum) in sizes where count > maximum {
            throw Self.broken("There are \(count) \(noun); at most \(maximum) are possible.")
        }
    }

    private static func broken(_ sentence: String) -> VaultError {
        VaultError(
            .corruptData, sentence,
            remedy: "Restore the vault's database from a backup, or start with an empty one and protect again.")
    }
}
