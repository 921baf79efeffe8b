import Foundation
import MessageBus
import Messages
import SwiftProtobuf
import Testing

@testable import Vault

/// The vault alone, over real sockets.
@Suite(.timeLimit(.minutes(2))) struct VaultServiceTests {
    @Test func everyRequestIsAnswered() async throws {
        try await VaultServiceBench.use { bench in
            #expect(try await bench.ask(VaultServiceBench.createSite("lab")) == .done(Done()))
            #expect(
                try await bench.ask(
                    .createCloud(
                        .with {
                            $0.cloud.name = "spare"
                            $0.cloud.site = "lab"
                        })) == .done(Done()))
            #expect(try await bench.ask(.deleteCloud(.with { $0.name = "spare" })) == .done(Done()))
            #expect(try await bench.ask(.deleteSite(.with { $0.name = "lab" })) == .done(Done()))
            guard
                case .host(let host) = try await bench.ask(VaultServiceBench.register(VaultFixture.primary, "primary"))
            else { throw TestFailure("another answer") }
            #expect(host.id == VaultFixture.primary.text && host.reachable && host.lastSeenUnixMs > 0)
            try await bench.prepare()

            let enabling = try await bench.protection(VaultServiceBench.protect("web"))
            #expect(enabling.state == .enabling && enabling.version == 1 && enabling.generation == 1)
            #expect(enabling.targetHostID == VaultFixture.secondary.text && enabling.direction == .forward)
            let seeding = try await bench.protection(VaultServiceBench.change(enabling, to: .seeding))
            #expect(seeding.state == .seeding && seeding.version == 2)
            let overridden = try await bench.protection(
                .setPolicyOverride(
                    .with {
                        $0.protection = "web"
                        $0.policy = "silver"
                    }))
            #expect(overridden.policyOverride == "silver")
            let result = try await bench.ask(.protectCloud(.with { $0.sourceCloud = "primary-cloud" }))
            #expect(result == .protectCloudResult(.with { $0.already = ["web"] }))
            let disabling = try await bench.protection(
                .unprotect(
                    .with {
                        $0.protection = "web"
                        $0.keepReplica = true
                    }))
            #expect(disabling.state == .disabling && disabling.keepReplica)
            #expect(
                try await bench.ask(.confirmUnprotected(.with { $0.protection = disabling.id })) == .done(Done()))

            let pair = CloudPair.Key(sourceCloud: "primary-cloud", targetCloud: "secondary-cloud")
            #expect(
                try await bench.ask(
                    .unpairClouds(
                        .with {
                            $0.sourceCloud = pair.sourceCloud
                            $0.targetCloud = pair.targetCloud
                        })) == .done(Done()))
            #expect(try await bench.ask(.removeHost(.with { $0.id = VaultFixture.primary.text })) == .done(Done()))
            let snapshot = try await bench.snapshot()
            #expect(snapshot.hosts.map(\.name) == ["secondary"] && snapshot.guests.isEmpty)
            let entries = try await bench.audit()
            #expect(entries.first?.action == "remove_host" && entries.first?.actor == "test")
            #expect(entries.map(\.number) == (1...UInt64(entries.count)).reversed())
        }
    }

    @Test func failoverOverTheWire() async throws {
        try await VaultServiceBench.use { bench in
            try await bench.prepare()
            let enabling = try await bench.protection(VaultServiceBench.protect("web"))
            let seeding = try await bench.protection(VaultServiceBench.change(enabling, to: .seeding))
            let before = try await bench.protection(VaultServiceBench.change(seeding, to: .protected))
            #expect(before.activeSide == .source && before.run.isEmpty)
            let begun = try await bench.protection(VaultServiceBench.advance(before, .begin))
            #expect(begun.state == .failingOver && begun.run == VaultFixture.run.text)
            let active = try await bench.protection(VaultServiceBench.advance(begun, .activateTarget, cycle: 9))
            #expect(active.activeSide == .target && active.generation == 2 && active.failoverCycle == 9)
            // The answer was lost: the same step under another operation, and the version of before.
            #expect(
                try await bench.protection(VaultServiceBench.advance(begun, .activateTarget, cycle: 9)) == active)
            let reversed = try await bench.protection(VaultServiceBench.advance(active, .reverse))
            #expect(reversed.state == .reversing && reversed.direction == .reverse && reversed.generation == 2)
            #expect(reversed.sourceHostID == before.targetHostID && reversed.sourceCloud == before.targetCloud)
            guard case .duties(let duties) = try await bench.ask(VaultServiceBench.report(["web"], sequence: 2))
            else { throw TestFailure("another answer") }
            #expect(duties.duties.map(\.active) == [false] && duties.duties.map(\.generation) == [2])
            #expect(duties.duties.map(\.activeHost) == ["secondary"])
            #expect(duties.duties.map(\.fenceAction) == [.alarm])
            let unspecified = VaultServiceBench.advance(reversed, .unspecified)
            let error = await #expect(throws: RemoteError.self) { try await bench.ask(unspecified) }
            #expect(error?.code == .invalidArgument)
        }
    }

    @Test func otherServicesRequestsAreUnimplemented() async throws {
        try await VaultServiceBench.use { bench in
            for body: Envelope.OneOf_Body in [
                .policyRequest(.with { $0.request = .listPolicies(ListPolicies()) }),
                .agentRequest(.with { $0.request = .doctorCheck(DoctorCheck()) }), .vaultRequest(VaultRequest()),
            ] {
                let error = await #expect(throws: RemoteError.self) { try await bench.client.call(body) }
                #expect(error?.code == .unimplemented)
            }
        }
    }

    @Test func refusalsArriveWithCodeSentenceAndRemedy() async throws {
        try await VaultServiceBench.use { bench in
            try await bench.prepare()
            let cases: [(VaultRequest.OneOf_Request, ErrorCode)] = [
                (VaultServiceBench.protect("nobody"), .notFound),
                (VaultServiceBench.createSite("no good"), .invalidArgument),
                (VaultServiceBench.createSite("primary"), .alreadyExists),
                (.removeHost(.with { $0.id = "primary" }), .invalidArgument),
                (.changeState(.with { $0.protection = "web" }), .invalidArgument),
                (.changeState(.with { $0.state = .UNRECOGNIZED(77) }), .invalidArgument),
                (.listAudit(.with { $0.limit = .max }), .invalidArgument),
                (.deleteCloud(.with { $0.name = "primary-cloud" }), .failedPrecondition),
            ]
            let before = try await bench.snapshot()
            for (request, code) in cases {
                let error = await #expect(throws: RemoteError.self) { try await bench.ask(request) }
                #expect(error?.code == code, "\(request)")
                #expect(error?.message.isEmpty == false && error?.remedy.isEmpty == false)
            }
            #expect(try await bench.snapshot().eventNumber == before.eventNumber)
        }
    }

    @Test func repeatedCommandIsDoneOnceAlsoAcrossARestart() async throws {
        try await TemporaryDirectory.use { directory in
            let operation = OperationIdentifier.random()
            let first = try await VaultServiceBench.use(state: directory) { bench in
                try await bench.prepare()
                let reply = try await bench.ask(VaultServiceBench.protect("web"), operation: operation)
                #expect(try await bench.ask(VaultServiceBench.protect("web"), operation: operation) == reply)
                return reply
            }
            try await VaultServiceBench.use(state: directory) { bench in
                let before = try await bench.snapshot()
                #expect(try await bench.ask(VaultServiceBench.protect("web"), operation: operation) == first)
                #expect(try await bench.snapshot() == before)
                #expect(before.protections.count == 1)
                let error = await #expect(throws: RemoteError.self) {
                    try await bench.ask(VaultServiceBench.protect("web"))
                }
                #expect(error?.code == .alreadyExists)
            }
        }
    }

    @Test func staleVersionIsAConflictWithTheFacts() async throws {
        try await VaultServiceBench.use { bench in
            try await bench.prepare()
            let enabling = try await bench.protection(VaultServiceBench.protect("web"))
            try await bench.ask(VaultServiceBench.change(enabling, to: .seeding))
            let error = await #expect(throws: RemoteError.self) {
                try await bench.ask(VaultServiceBench.change(enabling, to: .paused))
            }
            #expect(error?.code == .conflict && error?.retryable == false)
            #expect(error?.facts["version"] == "2" && error?.facts["state"] == "seeding")
        }
    }

    @Test func unknownGenerationIsRefused() async throws {
        try await VaultServiceBench.use { bench in
            try await bench.prepare()
            let enabling = try await bench.protection(VaultServiceBench.protect("web"))
            let change = VaultServiceBench.change(enabling, to: .seeding)
            let error = await #expect(throws: RemoteError.self) { try await bench.ask(change, generation: 2) }
            #expect(error?.code == .conflict)
            try await bench.ask(change, generation: 1)
        }
    }

    @Test func ofManyThatCompareAndSetOneWins() async throws {
        try await VaultServiceBench.use { bench in
            try await bench.prepare()
            let enabling = try await bench.protection(VaultServiceBench.protect("web"))
            let outcomes = await withTaskGroup(of: ErrorCode?.self) { group in
                for _ in 0..<32 {
                    group.addTask {
                        do {
                            try await bench.ask(VaultServiceBench.change(enabling, to: .seeding))
                            return nil
                        } catch {
                            return (error as? RemoteError)?.code
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.filter { $0 == nil }.count == 1)
            #expect(outcomes.filter { $0 == .conflict }.count == 31)
        }
    }

    @Test func everythingIsThereAfterARestartAndNumberingGoesOn() async throws {
        try await TemporaryDirectory.use { directory in
            let before = try await VaultServiceBench.use(state: directory) { bench in
                try await bench.prepare()
                let enabling = try await bench.protection(VaultServiceBench.protect("web"))
                try await bench.ask(VaultServiceBench.change(enabling, to: .seeding))
                return try await bench.snapshot()
            }
            try await VaultServiceBench.use(state: directory) { bench in
                #expect(try await bench.snapshot().withoutTimesAndEpoch == before.withoutTimesAndEpoch)
                try await bench.ask(VaultServiceBench.createSite("munich"))
                #expect(try await bench.snapshot().eventNumber == before.eventNumber + 1)
            }
            let other = try await VaultServiceBench.use { try await $0.snapshot() }
            #expect(other.epoch.count == 16 && other.epoch != before.epoch)
        }
    }

    @Test func secondVaultOnTheSameDatabaseDoesNotStart() async throws {
        try await TemporaryDirectory.use { directory in
            try await VaultServiceBench.use(state: directory) { bench in
                let error = await #expect(throws: VaultError.self) {
                    try await VaultServiceBench.use(state: directory) { _ in }
                }
                #expect(error?.code == .unavailable)
                try await bench.ask(VaultServiceBench.createSite("munich"))
            }
        }
    }

    @Test func healthSaysWhoItIsAndWhoIsSilent() async throws {
        let clock = StandingClock()
        try await VaultServiceBench.use(clock: clock) { bench in
            try await bench.prepare()
            clock.pass(milliseconds: 7_500)
            let health = try await bench.client.health(deadline: .seconds(60))
            #expect(health.service == "vault" && health.level == .normal && !health.version.isEmpty)
            #expect(health.uptimeSeconds == 7)
            try await within {
                clock.pass(milliseconds: VaultLimits.hostSilenceMilliseconds)
                while try await bench.client.health(deadline: .seconds(60)).level != .warning { await Task.yield() }
            }
            #expect(try await bench.snapshot().hosts.allSatisfy { !$0.reachable })
        }
    }
}

extension Snapshot {
    /// When a host was last seen is stored with the host's next change, not with every report; and each run of the vault
    /// has its own epoch.
    fileprivate var withoutTimesAndEpoch: Snapshot {
        var snapshot = self
        snapshot.epoch = Data()
        for index in snapshot.hosts.indices { snapshot.hosts[index].lastSeenUnixMs = 0 }
        return snapshot
    }
}
