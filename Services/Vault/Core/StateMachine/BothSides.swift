/// A guest that runs at both hosts of its protection, which is the one thing that fencing is there to end.
///
/// Only what hosts say that still report counts: the last inventory of a host that died shows its guests as running.
struct BothSides {
    let sentence: String

    /// `nil`: at most one of them runs it.
    init?(of protection: Protection, in registry: Registry) {
        guard let active = registry.hosts[protection.activeHostID],
            let passive = registry.hosts[protection.passiveHostID],
            Self.runs(protection.guestUUID, on: active, registry),
            Self.runs(protection.guestUUID, on: passive, registry)
        else { return nil }
        switch protection.state {
        case .disabling: return nil
        case .enabling, .seeding, .protected, .paused, .resynchronizing, .failingOver, .commitPending, .committed,
            .reversing:
            sentence =
                "Host \(active.name) is active at generation \(protection.generation), and host \(passive.name) runs "
                + "the guest all the same."
        }
    }

    private static func runs(_ guest: RegistryIdentifier, on host: Host, _ registry: Registry) -> Bool {
        guard host.contact.isReachable, let guest = registry.guests(onHost: host.id)[guest] else { return false }
        switch guest.power {
        case .running, .paused: return true
        case .shutOff, .crashed: return false
        }
    }
}
