import Testing

@testable import Policy

@Suite struct RegistryCopyTests {
    func snapshot(_ entries: [ProtectionEntry], hosts: [HostEntry] = [], pairs: [PairEntry] = []) -> RegistrySnapshot {
        RegistrySnapshot(
            position: RegistryPosition(epoch: [1], number: 5), hosts: hosts, pairs: pairs, protections: entries)
    }

    @Test func `a snapshot becomes the changes that lead to it`() {
        var copy = RegistryCopy()
        let host = HostEntry(id: "h", name: "n", controlEndpoint: "e")
        let pair = PairEntry(key: .init(sourceCloud: "a", targetCloud: "b"), policy: "p")
        let first = snapshot([Samples.entry()], hosts: [host], pairs: [pair])
        for change in copy.changes(to: first, sameEpoch: true) { _ = copy.apply(change) }
        #expect(copy.changes(to: first, sameEpoch: true).isEmpty)
        let second = copy.changes(to: snapshot([]), sameEpoch: true)
        #expect(second == [.protectionRemoved(Samples.protection), .pairRemoved(pair.key), .hostRemoved(id: "h")])
    }

    @Test func `an older word never replaces a newer one, except from another epoch`() {
        var copy = RegistryCopy()
        let applied1 = copy.apply(.protection(Samples.entry(.protected, version: 5)))
        #expect(applied1)
        let applied2 = copy.apply(.protection(Samples.entry(.paused, version: 4)))
        #expect(!applied2)
        #expect(copy.changes(to: snapshot([Samples.entry(.paused, version: 4)]), sameEpoch: true).isEmpty)
        #expect(copy.changes(to: snapshot([Samples.entry(.paused, version: 4)]), sameEpoch: false).count == 1)
        let applied3 = copy.apply(.protection(Samples.entry(.paused, version: 4)), sameEpoch: false)
        #expect(applied3)
    }

    @Test func `a repeated change is no change`() {
        var copy = RegistryCopy()
        let applied4 = copy.apply(.protection(Samples.entry()))
        #expect(applied4)
        let applied5 = copy.apply(.protection(Samples.entry()))
        #expect(!applied5)
    }

    @Test func `sites are those of the clouds, and an unknown cloud counts as its own`() {
        var copy = RegistryCopy()
        let clouds = [CloudEntry(name: "a", site: "north"), CloudEntry(name: "b", site: "south")]
        var whole = snapshot([])
        whole.clouds = clouds
        for change in copy.changes(to: whole, sameEpoch: true) { _ = copy.apply(change) }
        #expect(copy.sites(of: Samples.entry()) == SitePair("south", "north"))
        whole.clouds.removeLast()
        let changes = copy.changes(to: whole, sameEpoch: true)
        #expect(changes == [.cloudRemoved(name: "b")])
        for change in changes { _ = copy.apply(change) }
        #expect(copy.sites(of: Samples.entry()) == SitePair("north", "b"))
    }

    @Test func `the override comes before the pair's policy`() {
        var copy = RegistryCopy()
        var entry = Samples.entry()
        #expect(copy.policyName(for: entry).isEmpty)
        _ = copy.apply(.pair(PairEntry(key: .init(sourceCloud: "a", targetCloud: "b"), policy: "pair")))
        #expect(copy.policyName(for: entry) == "pair")
        // In reverse the clouds are named the other way round; the pair stays.
        swap(&entry.sourceCloud, &entry.targetCloud)
        entry.direction = .reverse
        #expect(copy.policyName(for: entry) == "pair")
        entry.policyOverride = "own"
        _ = copy.apply(.protection(entry))
        #expect(copy.policyName(for: entry) == "own")
        #expect(copy.uses(ofPolicy: "own") == ["guest web"])
        #expect(copy.uses(ofPolicy: "pair") == ["clouds a → b"])
        #expect(copy.uses(ofPolicy: "none").isEmpty)
    }
}
