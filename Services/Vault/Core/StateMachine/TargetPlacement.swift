/// Chooses the host that will keep a replica.
///
/// A host can be chosen when it is reachable, is not the guest's own, does not have the guest already, has room for
/// replicas and enough memory to start the guest at all. Among those, hosts that could start this guest beside every
/// guest that they already keep come first; then the one with the most free space, where space that first copies
/// on their way will fill counts as taken; then the one with the most memory left; then the lowest identifier.
struct TargetPlacement {
    let registry: Registry
    let guest: Guest

    /// The best host of a cloud.
    func choose(inCloud cloud: String) throws(VaultError) -> Host {
        var best: (host: Host, score: Score)?
        var refusals: [String] = []
        for host in registry.hosts(inCloud: cloud) {
            if let reason = refusal(of: host) {
                refusals.append("\(host.name): \(reason.message)")
                continue
            }
            let score = score(of: host)
            if best.map({ score > $0.score }) ?? true { best = (host, score) }
        }
        if let best { return best.host }
        guard !refusals.isEmpty else {
            throw VaultError(
                .unavailable, "Cloud \(cloud) has no host.", remedy: "Start an agent on a host of that cloud.")
        }
        throw VaultError(
            .unavailable,
            "No host of cloud \(cloud) can keep guest \(guest.name). \(refusals.prefix(3).joined(separator: " "))",
            remedy: "Start an agent on another host of that cloud, or mend one of these.",
            facts: ["hosts": "\(refusals.count)"])
    }

    /// Why this host cannot keep the guest; `nil`: it can.
    func refusal(of host: Host) -> VaultError? {
        if host.id == guest.key.hostID {
            return VaultError(
                .invalidArgument, "Host \(host.name) runs the guest itself.", remedy: "Choose a host of another site.")
        }
        guard host.contact.isReachable else {
            return VaultError(
                .unavailable, "Host \(host.name) does not report.", remedy: "Start its agent, or choose another host.")
        }
        if registry.guests(onHost: host.id)[guest.key.uuid] != nil {
            return VaultError(
                .failedPrecondition, "Host \(host.name) has a guest with the same UUID.",
                remedy: "Undefine that guest, or choose another host.")
        }
        guard host.capacity.replicaBytes > 0 else {
            return VaultError(
                .failedPrecondition, "Host \(host.name) has no space for replicas.",
                remedy: "Set `replicas` in its agent's settings.")
        }
        guard host.capacity.replicaFreeBytes >= VaultLimits.minimumReplicaFreeBytes else {
            return VaultError(
                .resourceExhausted, "Host \(host.name) is out of space for replicas.",
                remedy: "Free some, or choose another host.",
                facts: [
                    "free_bytes": "\(host.capacity.replicaFreeBytes)",
                    "needed_bytes": "\(VaultLimits.minimumReplicaFreeBytes)",
                ])
        }
        guard host.capacity.memoryBytes == 0 || host.capacity.memoryBytes >= guest.memoryBytes else {
            return VaultError(
                .resourceExhausted, "Host \(host.name) has too little memory to ever start the guest.",
                remedy: "Choose another host.",
                facts: ["host_bytes": "\(host.capacity.memoryBytes)", "guest_bytes": "\(guest.memoryBytes)"])
        }
        return nil
    }

    private struct Score: Comparable {
        let canStartAll: Bool
        let freeBytes: UInt64
        let freeMemoryBytes: UInt64

        static func < (left: Score, right: Score) -> Bool {
            if left.canStartAll != right.canStartAll { return right.canStartAll }
            if left.freeBytes != right.freeBytes { return left.freeBytes < right.freeBytes }
            return left.freeMemoryBytes < right.freeMemoryBytes
        }
    }

    private func score(of host: Host) -> Score {
        var promisedBytes: UInt64 = 0
        var promisedMemory: UInt64 = 0
        for protection in registry.protections.values where protection.passiveHostID == host.id {
            let kept = registry.guests(onHost: protection.activeHostID)[protection.guestUUID]
            promisedMemory = promisedMemory.addingSaturating(kept?.memoryBytes ?? 0)
            if protection.state.awaitsFirstPoint {
                promisedBytes = promisedBytes.addingSaturating(kept?.diskBytes ?? 0)
            }
        }
        let memory = host.capacity.memoryFreeBytes.subtractingSaturating(promisedMemory)
        return Score(
            canStartAll: memory >= guest.memoryBytes,
            freeBytes: host.capacity.replicaFreeBytes.subtractingSaturating(promisedBytes),
            freeMemoryBytes: memory)
    }
}

/// Sizes come from peers, so sums of them saturate instead of trapping.
extension UInt64 {
    func addingSaturating(_ other: UInt64) -> UInt64 {
        let (value, overflow) = addingReportingOverflow(other)
        return overflow ? .max : value
    }

    func subtractingSaturating(_ other: UInt64) -> UInt64 { self > other ? self - other : 0 }
}
