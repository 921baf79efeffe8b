package import Messages

extension EventRecord {
    /// Nil for an event without a change, which only repeats the newest number.
    package init?(wire: VaultEvent) {
        guard let change = wire.change else { return nil }
        let kind: String
        let text: String
        switch change {
        case .site(let site): (kind, text) = ("site", site.name)
        case .cloud(let cloud): (kind, text) = ("cloud", "\(cloud.name) of site \(cloud.site)")
        case .pair(let pair):
            (kind, text) = (
                "pair",
                "\(pair.sourceCloud) → \(pair.targetCloud), policy \(pair.policy.isEmpty ? "none" : pair.policy)"
            )
        case .host(let host):
            (kind, text) = ("host", "\(host.name) \(host.reachable ? "is reachable" : "is silent")")
        case .guest(let guest):
            (kind, text) = ("guest", "\(guest.name) \(Registry.Power(wire: guest.power).words)")
        case .protection(let protection):
            let record = Registry.Protection(wire: protection)
            let reason = record.stateReason.isEmpty ? "" : ": \(record.stateReason)"
            (kind, text) = ("protection", "\(record.guest) \(record.state.words)\(reason)")
        case .siteRemoved(let name): (kind, text) = ("site-removed", name)
        case .cloudRemoved(let name): (kind, text) = ("cloud-removed", name)
        case .pairRemoved(let pair): (kind, text) = ("pair-removed", "\(pair.sourceCloud) → \(pair.targetCloud)")
        case .hostRemoved(let id): (kind, text) = ("host-removed", id)
        case .guestRemoved(let key): (kind, text) = ("guest-removed", "\(key.uuid) of host \(key.hostID)")
        case .protectionRemoved(let id): (kind, text) = ("protection-removed", id)
        }
        self.init(number: wire.number, kind: kind, text: text)
    }
}
