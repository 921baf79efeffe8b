import Foundation
import Testing

@testable import Vault

/// What every store must do, run against each of them.
@Suite struct VaultStoreContractTests {
    enum Kind: String, CaseIterable, Sendable {
        case sqlite, memory
    }

    @Test(arguments: Kind.allCases)
    func newStoreIsEmptyAndHasAnEpoch(kind: Kind) throws {
        try with(kind) { store in
            let stored = try store.load()
            #expect(stored.epoch.count == 16)
            #expect(stored.lastEventNumber == 0 && stored.registry == Registry())
            #expect(try store.audit(limit: 10, before: nil).isEmpty)
            #expect(try store.answer(to: [UInt8](repeating: 1, count: 16)) == nil)
        }
    }

    @Test(arguments: Kind.allCases)
    func everyKindOfChangeComesBack(kind: Kind) throws {
        try with(kind) { store in
            var expected = Registry()
            for change in Self.everyChange() {
                let last = try store.load().lastEventNumber
                try store.commit(Self.transaction([change], after: last))
                expected.apply(change)
                let stored = try store.load()
                #expect(stored.registry == expected, "after \(change.kind)")
                #expect(stored.lastEventNumber == last + (change.isPublished ? 1 : 0))
            }
            #expect(expected == Registry())
        }
    }

    @Test(arguments: Kind.allCases)
    func everyStateOfAProtectionComesBack(kind: Kind) throws {
        try with(kind) { store in
            let base = Array(Self.everyChange().prefix(8))
            try store.commit(Self.transaction(base, after: 0))
            guard case .protection(var protection) = base[7] else { throw TestFailure("another change") }
            for state in ProtectionState.all {
                protection.state = state
                protection.activeSide = state.possibleSides.contains(.source) ? .source : .target
                protection.run = state == .failingOver ? VaultFixture.run : nil
                protection.version = .max - 1
                let last = try store.load().lastEventNumber
                try store.commit(Self.transaction([.protection(protection)], after: last))
                #expect(try store.load().registry.protections[protection.id] == protection)
            }
        }
    }

    @Test(arguments: Kind.allCases)
    func valuesOfAllBitsComeBack(kind: Kind) throws {
        try with(kind) { store in
            var changes = Array(Self.everyChange().prefix(6))
            guard case .host(var host) = changes[3], case .guest(var guest) = changes[5] else {
                throw TestFailure("another change")
            }
            host.capacity = HostCapacity(
                memoryBytes: .max, memoryFreeBytes: .max - 1, replicaBytes: 1 << 63, replicaFreeBytes: 0)
            host.inventorySequence = .max
            guest.disks[0].sizeBytes = .max
            guest.memoryBytes = .max
            guest.virtualCPUs = .max
            guest.name = "a \"guest\" with 'quotes' — and ünïcode"
            changes += [.host(host), .guest(guest)]
            try store.commit(Self.transaction(changes, after: 0))
            let registry = try store.load().registry
            #expect(registry.hosts[host.id] == host)
            #expect(registry.guests(onHost: host.id)[guest.key.uuid] == guest)
        }
    }

    @Test(arguments: Kind.allCases)
    func numbersThatDoNotContinueAreRefusedAndChangeNothing(kind: Kind) throws {
        try with(kind) { store in
            try store.commit(Self.transaction([.site(Site(name: "a"))], after: 0))
            let before = try store.load()
            for last in [UInt64(0), 2, 9] {
                #expect(throws: VaultError.self) {
                    try store.commit(Self.transaction([.site(Site(name: "b"))], after: last))
                }
            }
            #expect(try store.load() == before)
        }
    }

    @Test(arguments: Kind.allCases)
    func eventsAreNumberedAndNameWhatChanged(kind: Kind) throws {
        try with(kind) { store in
            let changes: [RegistryChange] = [.site(Site(name: "a")), .site(Site(name: "b")), .siteRemoved("a")]
            try store.commit(Self.transaction(changes, after: 0))
            let events = try store.events(limit: 2)
            #expect(events.map(\.number) == [2, 3])
            #expect(events.map(\.kind) == ["site", "site_removed"])
            #expect(events.map(\.subject) == ["b", "a"])
        }
    }

    @Test(arguments: Kind.allCases)
    func auditIsReadNewestFirstAndPagedBackwards(kind: Kind) throws {
        try with(kind) { store in
            let entries = (1...5).map {
                AuditEntry(
                    timeUnixMilliseconds: Int64($0), actor: "a", action: "protect", subject: "g\($0)", outcome: "done")
            }
            for entry in entries { try store.commit(VaultTransaction(moment: Self.moment, audit: [entry])) }
            let page = try store.audit(limit: 2, before: nil)
            #expect(page.map(\.number) == [5, 4])
            #expect(page.map(\.entry) == [entries[4], entries[3]])
            #expect(try store.audit(limit: 9, before: 4).map(\.number) == [3, 2, 1])
            #expect(try store.audit(limit: 9, before: 1).isEmpty)
            #expect(try store.audit(limit: 9, before: .max).count == 5)
        }
    }

    @Test(arguments: Kind.allCases)
    func answersAreKeptPerOperation(kind: Kind) throws {
        try with(kind) { store in
            let (first, second) = ([UInt8](repeating: 1, count: 16), [UInt8](repeating: 2, count: 16))
            for (number, operation) in [first, second].enumerated() {
                let done = CompletedOperation(identifier: operation, answer: [UInt8(number)])
                try store.commit(
                    VaultTransaction(
                        moment: Self.moment,
                        changes: NumberedChange.numbering([.site(Site(name: "s\(number)"))], after: UInt64(number)),
                        operation: done))
            }
            #expect(try store.answer(to: first) == [0])
            #expect(try store.answer(to: second) == [1])
            #expect(try store.answer(to: [UInt8](repeating: 3, count: 16)) == nil)
        }
    }

    // MARK: What they are fed with

    static let moment = VaultMoment(unixMilliseconds: 1_800_000_000_000, uptimeMilliseconds: 7)

    static func transaction(_ changes: [RegistryChange], after last: UInt64) -> VaultTransaction {
        VaultTransaction(moment: moment, changes: NumberedChange.numbering(changes, after: last))
    }

    /// Makes everything, changes it, and removes it again.
    static func everyChange() -> [RegistryChange] {
        let host = Host(
            id: VaultFixture.primary, name: "primary", cloud: "c1", controlEndpoint: "tcp://a:1", agentVersion: "1",
            hypervisorURI: "qemu:///system", capacity: VaultFixture.capacity(), contact: .reachable(lastSeen: 5),
            inventorySequence: 3, incarnation: 4)
        var other = host
        (other.id, other.name, other.cloud) = (VaultFixture.secondary, "secondary", "c2")
        var silent = host
        silent.contact = .silent(lastSeen: 5)
        let pair = VaultFixture.pair("c1", "c2")
        var mapped = VaultFixture.pair("c1", "c2", policy: "silver", coverage: .wholeCloud)
        mapped.fenceAction = .shutDown
        mapped.networks = [NetworkMapping(source: "default", target: "br \"1\"", testTarget: "")]
        let guest = VaultFixture.guest("web", findings: [VaultFixture.rawDisk])
        let protection = Protection(
            id: VaultFixture.identifier(77), guestUUID: guest.key.uuid, guestName: "web", sourceHostID: host.id,
            targetHostID: other.id, pair: pair.key, state: .enabling, stateReason: "", direction: .forward,
            generation: 1, version: 1, policyOverride: "", createdUnixMilliseconds: 9)
        var changed = protection
        (changed.state, changed.version, changed.direction) = (.paused(resumingTo: .seeding), 2, .reverse)
        var failedOver = changed
        (failedOver.state, failedOver.activeSide, failedOver.failoverCycle) = (.failingOver, .target, .max)
        (failedOver.run, failedOver.alarm, failedOver.version) = (VaultFixture.run, "Both run.", 3)
        failedOver.lastStep = StepTaken(run: VaultFixture.run, step: .activateTarget, cycle: .max)
        let exclusion = GuestExclusion(pair: pair.key, guestUUID: guest.key.uuid)
        return [
            .site(Site(name: "s")), .cloud(Cloud(name: "c1", site: "s")), .cloud(Cloud(name: "c2", site: "s")),
            .host(host), .host(other), .guest(guest), .pair(pair), .protection(protection),
            .exclusionAdded(exclusion), .protection(changed), .protection(failedOver), .host(silent),
            .pair(mapped),
            .protectionRemoved(protection.id), .exclusionRemoved(exclusion), .guestRemoved(guest.key),
            .pairRemoved(pair.key), .hostRemoved(host.id), .hostRemoved(other.id), .cloudRemoved("c1"),
            .cloudRemoved("c2"), .siteRemoved("s"),
        ]
    }

    private func with(_ kind: Kind, _ body: (any VaultStore) throws -> Void) throws {
        switch kind {
        case .memory: try body(MemoryVaultStore(epoch: [UInt8](repeating: 9, count: 16)))
        case .sqlite:
            try TemporaryDirectory.use { directory in
                let store = try SQLiteVaultStore(path: "\(directory)/vault.sqlite")
                try body(store)
                try store.close()
            }
        }
    }
}
