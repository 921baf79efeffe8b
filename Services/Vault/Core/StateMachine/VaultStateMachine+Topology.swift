/// Sites, clouds and pairs.
extension VaultStateMachine {
    func createSite(_ site: Site, _ draft: inout VaultDraft) throws(VaultError) {
        try TextRule.checkName(site.name, of: "site")
        guard draft.registry.sites[site.name] == nil else {
            throw VaultError(.alreadyExists, "Site \(site.name) exists.", remedy: "Choose another name, or use it.")
        }
        try recordNewSite(site, &draft)
        draft.audit("create_site", site.name)
    }

    func deleteSite(_ name: String, _ draft: inout VaultDraft) throws(VaultError) {
        guard draft.registry.sites[name] != nil else { throw Self.unknown("site", name) }
        let clouds = draft.registry.clouds.values.filter { $0.site == name }.map(\.name).sorted()
        guard clouds.isEmpty else {
            throw VaultError(
                .failedPrecondition, "Site \(name) still has the \(Self.list(clouds, "cloud")).",
                remedy: "Delete its clouds first.", facts: ["clouds": "\(clouds.count)"])
        }
        draft.record(.siteRemoved(name))
        draft.audit("delete_site", name)
    }

    func createCloud(_ cloud: Cloud, _ draft: inout VaultDraft) throws(VaultError) {
        try TextRule.checkName(cloud.name, of: "cloud")
        guard draft.registry.sites[cloud.site] != nil else { throw Self.unknown("site", cloud.site) }
        if let present = draft.registry.clouds[cloud.name] {
            throw VaultError(
                .alreadyExists, "Cloud \(cloud.name) exists, in site \(present.site).",
                remedy: "Choose another name, or use it.")
        }
        try recordNewCloud(cloud, &draft)
        draft.audit("create_cloud", cloud.name)
    }

    func deleteCloud(_ name: String, _ draft: inout VaultDraft) throws(VaultError) {
        guard draft.registry.clouds[name] != nil else { throw Self.unknown("cloud", name) }
        let hosts = draft.registry.hosts(inCloud: name).map(\.name)
        guard hosts.isEmpty else {
            throw VaultError(
                .failedPrecondition, "Cloud \(name) still has the \(Self.list(hosts, "host")).",
                remedy: "Remove its hosts first.", facts: ["hosts": "\(hosts.count)"])
        }
        let pairs = draft.registry.pairs.keys.filter { $0.sourceCloud == name || $0.targetCloud == name }.sorted()
        if let pair = pairs.first {
            throw VaultError(
                .failedPrecondition, "Cloud \(name) is part of the pair \(pair.sourceCloud) → \(pair.targetCloud).",
                remedy: "Unpair it first.", facts: ["pairs": "\(pairs.count)"])
        }
        draft.record(.cloudRemoved(name))
        draft.audit("delete_cloud", name)
    }

    /// Creates or changes. What `protect --cloud` set stays set, because a change of the policy must not silently end
    /// the protection of later guests; automatic protection is turned off by its own setting or by unpairing.
    func pairClouds(_ pair: CloudPair, _ draft: inout VaultDraft) throws(VaultError) {
        let (source, target) = (pair.key.sourceCloud, pair.key.targetCloud)
        guard draft.registry.clouds[source] != nil else { throw Self.unknown("cloud", source) }
        guard draft.registry.clouds[target] != nil else { throw Self.unknown("cloud", target) }
        guard source != target else {
            throw VaultError(
                .invalidArgument, "Cloud \(source) cannot be its own target.", remedy: "Pair it with another cloud.")
        }
        try TextRule.checkOptionalName(pair.policy, of: "policy")
        let present = draft.registry.pairs[pair.key]
        try Self.check(pair.networks, instead: present?.networks ?? [], draft.registry)
        guard present != nil || draft.registry.pairs.count < VaultLimits.maximumPairs else {
            throw Self.full("pairs of clouds", VaultLimits.maximumPairs)
        }
        var changed = pair
        changed.coverage = CloudPair.Coverage(
            protectsAll: pair.coverage.protectsAll || present?.coverage.protectsAll == true,
            protectsLaterGuests: pair.coverage.protectsLaterGuests)
        guard changed != present else { return }
        draft.record(.pair(changed))
        draft.audit("pair_clouds", "\(source) → \(target)")
    }

    /// Several networks may lead to one at the other site; backwards the first in the list counts.
    private static func check(
        _ networks: [NetworkMapping], instead of: [NetworkMapping], _ registry: Registry
    ) throws(VaultError) {
        guard networks.count <= VaultLimits.maximumNetworksPerPair else {
            throw VaultError(
                .invalidArgument, "\(networks.count) networks are mapped between two clouds.",
                remedy: "Map at most \(VaultLimits.maximumNetworksPerPair).")
        }
        var sources: Set<String> = []
        for network in networks {
            guard !network.source.isEmpty else {
                throw VaultError(
                    .invalidArgument, "A network mapping does not say which network it is for.",
                    remedy: "Name the network, bridge or host device that guests use at the source.")
            }
            for name in [network.source, network.target, network.testTarget] {
                try TextRule.checkText(name, "network's name", maximumBytes: VaultLimits.maximumNetworkNameBytes)
            }
            guard sources.insert(network.source).inserted else {
                throw VaultError(
                    .invalidArgument, "Network \(TextRule.quoted(network.source)) is mapped twice.",
                    remedy: "Map it once.")
            }
        }
        let bytes = { (networks: [NetworkMapping]) in networks.reduce(0) { $0 + $1.estimatedBytes } }
        guard registry.mappingBytes - bytes(of) + bytes(networks) <= VaultLimits.maximumMappingBytes else {
            throw full("bytes of network mappings", VaultLimits.maximumMappingBytes)
        }
    }

    func unpairClouds(_ key: CloudPair.Key, _ draft: inout VaultDraft) throws(VaultError) {
        guard draft.registry.pairs[key] != nil else {
            throw VaultError(
                .notFound,
                "Clouds \(TextRule.quoted(key.sourceCloud)) and \(TextRule.quoted(key.targetCloud)) are not paired.",
                remedy: "List the pairs and name one of them.")
        }
        let protections = draft.registry.protections(under: key)
        guard protections.isEmpty else {
            throw VaultError(
                .failedPrecondition,
                "The pair \(key.sourceCloud) → \(key.targetCloud) protects the "
                    + Self.list(protections.map(\.guestName), "guest") + ".",
                remedy: "Unprotect them first.", facts: ["protections": "\(protections.count)"])
        }
        for exclusion in draft.registry.exclusions.filter({ $0.pair == key }).sorted() {
            draft.record(.exclusionRemoved(exclusion))
        }
        draft.record(.pairRemoved(key))
        draft.audit("unpair_clouds", "\(key.sourceCloud) → \(key.targetCloud)")
    }

    func recordNewSite(_ site: Site, _ draft: inout VaultDraft) throws(VaultError) {
        guard draft.registry.sites.count < VaultLimits.maximumSites else {
            throw Self.full("sites", VaultLimits.maximumSites)
        }
        draft.record(.site(site))
    }

    func recordNewCloud(_ cloud: Cloud, _ draft: inout VaultDraft) throws(VaultError) {
        guard draft.registry.clouds.count < VaultLimits.maximumClouds else {
            throw Self.full("clouds", VaultLimits.maximumClouds)
        }
        draft.record(.cloud(cloud))
    }
}

// MARK: - Sentences that several rules share

extension VaultStateMachine {
    static func unknown(_ noun: String, _ name: String) -> VaultError {
        VaultError(
            .notFound, "There is no \(noun) \(TextRule.quoted(name)).",
            remedy: "List the \(noun)s and name one of them.")
    }

    static func full(_ nouns: String, _ maximum: Int) -> VaultError {
        VaultError(
            .resourceExhausted, "The vault holds \(maximum) \(nouns), which is all it can.",
            remedy: "Remove some that are no longer used.")
    }

    /// `guest a`, `guests a, b`, `guests a, b, c and 7 more`.
    static func list(_ names: [String], _ noun: String) -> String {
        let shown = names.prefix(3).joined(separator: ", ")
        let rest = names.count > 3 ? " and \(names.count - 3) more" : ""
        return "\(noun)\(names.count == 1 ? "" : "s") \(shown)\(rest)"
    }
}
