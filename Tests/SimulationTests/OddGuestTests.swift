import Messages
import Repeatable
import SwiftProtobuf
import Testing

@testable import HostAgent
@testable import Hypervisor
@testable import Vault

/// A report as an agent makes it and a vault takes it: one odd guest silences nobody else of its host.
@Suite struct OddGuestTests {
    private static let source = "11111111-1111-4111-8111-111111111111"
    private static let target = "22222222-2222-4222-8222-222222222222"
    private static let start: Int64 = 1_700_000_000_000

    private struct Site {
        var vault = WalkVault(seed: 1, now: OddGuestTests.start)
        var random = SeededRandom(seed: 2)
        var sequence: UInt64 = 0

        mutating func ask(_ request: VaultRequest.OneOf_Request) throws -> VaultReply {
            let question = WalkQuestion(
                number: 0, from: .person, to: .vault, body: .vaultRequest(.with { $0.request = request }),
                generation: 0, operation: random.bytes(16), deadlineMilliseconds: 5_000)
            guard case .vaultReply(let reply) = try vault.answer(question, now: OddGuestTests.start).0.get() else {
                throw WalkViolation("the vault answers with a reply")
            }
            return reply
        }

        mutating func register(_ id: String, _ name: String) throws {
            _ = try ask(
                .registerHost(
                    .with {
                        $0.host.id = id
                        $0.host.name = name
                        $0.host.cloud = "\(name)-cloud"
                        $0.host.controlEndpoint = "tcp://127.0.0.1:7721"
                        $0.host.capacity.memoryBytes = 64 << 30
                        $0.host.capacity.memoryFreeBytes = 64 << 30
                        $0.host.capacity.replicaBytes = 1 << 40
                        $0.host.capacity.replicaFreeBytes = 1 << 40
                        $0.site = name
                        $0.createMissing = true
                    }))
        }

        mutating func report(_ guests: [GuestDescription]) throws {
            sequence += 1
            let report = ReportInventory.with {
                $0.hostID = OddGuestTests.source
                $0.sequence = sequence
                $0.guests = guests.map { Messages.Guest($0, host: OddGuestTests.source) }
            }
            // As it travels: text that is not whole would not come through.
            _ = try ask(.reportInventory(try ReportInventory(serializedBytes: report.serializedBytes() as [UInt8])))
        }

        mutating func protect(_ guest: String) throws {
            _ = try ask(
                .protect(
                    .with {
                        $0.guest = guest
                        $0.sourceHost = "primary"
                        $0.targetCloud = "secondary-cloud"
                    }))
        }
    }

    private func paired() throws -> Site {
        var site = Site()
        try site.register(Self.source, "primary")
        try site.register(Self.target, "secondary")
        _ = try site.ask(
            .pairClouds(
                .with {
                    $0.pair.sourceCloud = "primary-cloud"
                    $0.pair.targetCloud = "secondary-cloud"
                    $0.pair.policy = "gold"
                }))
        return site
    }

    private func guest(
        _ name: String, uuid: Int, disks: [DiskDescription], findings: [Hypervisor.Finding] = []
    ) -> GuestDescription {
        GuestDescription(
            uuid: "33333333-3333-4333-8333-33333333333\(uuid)", name: name, power: .running, memoryBytes: 1 << 30,
            virtualCPUs: 1, disks: disks, findings: findings, hasGuestAgent: false, definition: "<domain/>")
    }

    private static func disk(_ target: String, source: String = "/d.qcow2", format: String = "qcow2") -> DiskDescription
    {
        DiskDescription(target: target, sizeBytes: 1 << 30, format: format, source: source)
    }

    private static let long = String(repeating: "/é\u{7}", count: 40_000)

    /// Each is odd in one way, and would be refused as it is.
    static let oddities: [(disks: [DiskDescription], findings: [Hypervisor.Finding])] = [
        ((0..<65).map { disk("vd\($0)") }, []),
        ((0..<9_000).map { disk("vd\($0)") }, []),
        ([disk(long)], []), ([disk("vda", source: long)], []), ([disk("vda", format: long)], []),
        ([disk("vda")], (0..<129).map { .rawDisk(target: "vd\($0)") }),
        ([disk("vda")], [Hypervisor.Finding(.unreadableDisk, subject: long, message: "Gone.", remedy: "Mend it.")]),
        ([disk("vda")], [Hypervisor.Finding(.unreadableDisk, subject: "vda", message: long, remedy: "Mend it.")]),
        ([disk("vda")], [Hypervisor.Finding(.unreadableDisk, subject: "vda", message: "Gone.", remedy: long)]),
    ]

    @Test(arguments: OddGuestTests.oddities.indices)
    func theVaultTakesTheReportAndProtectsTheOthers(index: Int) throws {
        let odd = Self.oddities[index]
        var site = try paired()
        try site.report([
            guest("odd", uuid: 1, disks: odd.disks, findings: odd.findings),
            guest("web", uuid: 2, disks: [Self.disk("vda")]),
        ])
        #expect(Set(site.vault.snapshot.guests.map(\.name)) == ["odd", "web"])
        try site.protect("web")
        if odd.disks.count > 64 || !odd.findings.isEmpty {
            let error = #expect(throws: RemoteError.self) { try site.protect("odd") }
            let rule = odd.findings.first?.rule ?? .tooManyDisks
            #expect(error?.code == .failedPrecondition && error?.facts["rule"] == rule.rawValue)
        } else {
            try site.protect("odd")
        }
    }

    @Test func anOddNameIsTaken() throws {
        var site = try paired()
        try site.report([
            guest(Self.long, uuid: 1, disks: [Self.disk("vda")]), guest("web", uuid: 2, disks: [Self.disk("vda")]),
        ])
        #expect(site.vault.snapshot.guests.count == 2)
        try site.protect("web")
    }

    /// The vault goes on refusing what no agent of ours says.
    @Test func whatIsNotCutIsRefusedAsAWhole() throws {
        var site = try paired()
        var odd = Messages.Guest(guest("odd", uuid: 1, disks: [Self.disk("vda")]), host: Self.source)
        odd.disks[0].source = Self.long
        let web = Messages.Guest(guest("web", uuid: 2, disks: [Self.disk("vda")]), host: Self.source)
        let report = ReportInventory.with {
            $0.hostID = Self.source
            $0.sequence = 1
            $0.guests = [odd, web]
        }
        let error = #expect(throws: RemoteError.self) { try site.ask(.reportInventory(report)) }
        #expect(error?.code == .invalidArgument)
        #expect(site.vault.snapshot.guests.isEmpty)
    }
}
