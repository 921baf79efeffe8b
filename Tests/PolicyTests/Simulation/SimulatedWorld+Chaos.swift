@testable import Policy

// What goes wrong, what the operator does, and how it all ends.

extension SimulatedWorld {
    mutating func disturb() throws {
        guard let id = sites.keys.sorted().randomElement(using: &random) else { return }
        switch random.next() % 24 {
        case 0: try restartService()
        case 1: sites[id]?.source.agentCrashed()
        case 2: if !isOff(id) { sites[id]?.source.guestCrashed() }
        case 3: sites[id]?.target.agentCrashed()
        case 4 where random.next() % 8 == 0: sites[id]?.target.wipe()
        case 5: isVaultAway.toggle()
        case 6: operatorSays(id, .paused, from: [.protected, .seeding, .resynchronizing])
        case 7, 8, 9: resume(id)
        case 10: operatorSays(id, .resynchronizing, from: [.protected])
        case 11 where random.next() % 6 == 0:
            operatorSays(
                id, .disabling, from: [.enabling, .seeding, .protected, .paused, .resynchronizing, .reversing])
        case 12, 13:
            let index = Int(random.next() % UInt64(workers.count))
            restartWorker(index)
        case 14:
            try tell(.asked(nextToken(), .trigger(id.text, .application)))
        default: break
        }
    }

    mutating func operatorSays(
        _ id: ProtectionIdentifier, _ state: ProtectionEntry.State, from legal: [ProtectionEntry.State]
    ) {
        guard let entry = vault.entries[id], legal.contains(entry.state),
            let change = vault.change(id, to: state, reason: "operator")
        else { return }
        plan(.registryChange(change), after: latency())
    }

    mutating func resume(_ id: ProtectionIdentifier) {
        let held = sites[id]?.target.newest ?? 0
        operatorSays(id, held > 0 ? .protected : .seeding, from: [.paused])
    }

    private mutating func restartWorker(_ index: Int) {
        workers[index] = Worker(id: workers[index].id + "'")
        pullers = pullers.filter { $0.value != index }
        plan(.workerPulls(index), after: 500)
    }

    /// The faults end; everyone who was down comes back.
    mutating func calm() {
        faults = .none
        isVaultAway = false
        for index in workers.indices { restartWorker(index) }
        for id in sites.keys.sorted() { resume(id) }
    }
}
