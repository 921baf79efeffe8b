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
