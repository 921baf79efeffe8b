import Messages
import SwiftProtobuf
import Testing

@testable import Policy

/// What a neighbour says and cannot mean is refused where it is read, because what goes on from there trusts it.
@Suite struct NonsenseTests {
    @Test(arguments: [RequiredField.countMaximum + 1, .max])
    func `a replica that holds what nobody counts to is no answer`(number: UInt64) throws {
        let replicas: [Messages.ReplicaDescription] = [
            .with { $0.newestCycle = number }, .with { $0.baseCycle = number }, .with { $0.openCycle = number },
            .with { $0.generation = number },
        ]
        for replica in replicas {
            let error = #expect(throws: PolicyError.self) {
                try AgentCall.describeReplica.answer(.replica(replica))
            }
            #expect(error?.code == .internal && error?.message.contains("cannot be") == true)
        }
        #expect(throws: Never.self) {
            try AgentCall.describeReplica.answer(.replica(.with { $0.newestCycle = RequiredField.countMaximum }))
        }
    }

    /// Of a capture with one disk of one region.
    private static func capture(
        sizes: [UInt64] = [1 << 20], region: UInt64 = 1 << 20, changed: UInt64 = 0, at milliseconds: Int64 = 1
    ) throws {
        try Capture(
            wire: .with { opened in
                opened.cycle = 8
                opened.capturedUnixMs = milliseconds
                opened.consistency = .crash
                opened.disks = sizes.enumerated().map { index, size in
                    .with {
                        $0.disk.target = "vd\(index)"
                        $0.disk.sizeBytes = size
                        $0.nbdUri = "nbd+unix:///?socket=/s"
                        $0.regionBytes = region
                        $0.changed = [changed]
                    }
                }
            }
        ).checkInvariants()
    }

    @Test func `a capture whose numbers could not be added up or subtracted is no answer`() throws {
        #expect(throws: Never.self) { try Self.capture() }
        #expect(throws: PolicyError.self) { try Self.capture(at: .min) }
        #expect(throws: PolicyError.self) { try Self.capture(at: .max) }
        let large: UInt64 = 1 << 52
        #expect(throws: Never.self) { try Self.capture(sizes: [large, large], region: large) }
        #expect(throws: PolicyError.self) { try Self.capture(sizes: [large, large, 512], region: large) }
        #expect(throws: PolicyError.self) { try Self.capture(region: 1 << 60, changed: 1 << 60) }
    }

    private static let good = Messages.Protection.with {
        $0.id = "p"
        $0.guestUuid = "g"
        ($0.sourceHostID, $0.targetHostID) = ("h1", "h2")
        ($0.state, $0.direction, $0.activeSide) = (.protected, .forward, .source)
        ($0.generation, $0.version) = (1, 1)
    }

    static let changes: [@Sendable (inout Messages.Protection) -> Void] = [
        { $0.sourceHostID = "" }, { $0.targetHostID = "" }, { $0.generation = 0 }, { $0.generation = .max },
    ]

    @Test(arguments: changes.indices)
    func `a registry whose protection cannot be is not taken, as a snapshot or an event`(index: Int) throws {
        let good = Self.good
        #expect(try RegistrySnapshot(wire: .with { $0.protections = [good] }).protections.count == 1)
        var wrong = good
        Self.changes[index](&wrong)
        let said = wrong
        let error = #expect(throws: PolicyError.self) {
            try RegistrySnapshot(wire: .with { $0.protections = [good, said] })
        }
        #expect(error?.message.contains("protection p") == true)
        #expect(throws: PolicyError.self) { try RegistryChange(wire: .with { $0.protection = said }) }
        #expect(throws: PolicyError.self) {
            try VaultCall.changeState(ProtectionIdentifier("p"), expectedVersion: 1, .protected, reason: "").answer(
                .protection(said))
        }
    }

    @Test func `a state that only a newer vault knows is left out`() throws {
        var newer = Self.good
        newer.state = .UNRECOGNIZED(99)
        let said = newer
        #expect(try RegistrySnapshot(wire: .with { $0.protections = [said] }).protections.isEmpty)
    }
}
