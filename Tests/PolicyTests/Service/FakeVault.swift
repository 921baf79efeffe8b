import FoundationEssentials
import LocalPorts
import MessageBus
import Messages
import SwiftProtobuf
import Synchronization

/// A vault with one pair of clouds, two hosts, and the protections that a test puts there.
final class FakeVault: Sendable {
    private struct State: Sendable {
        var server: RequestServer?
        var hosts: [Messages.Host] = []
        var pairs: [CloudPair] = []
        var protections: [String: Protection] = [:]
        var number: UInt64 = 0
        var told: [ChangeState] = []
        var confirmed: [String] = []
    }

    private let state = Mutex(State())
    private let publisher: EventPublisher
    private static let epoch = Data(repeating: 9, count: 16)

    static func start(
        _ bus: MessageBus, at endpoint: String = LocalPorts.endpoint(), events: String = LocalPorts.endpoint()
    ) async throws -> FakeVault {
        let vault = FakeVault(publisher: try await bus.publisher(at: events))
        let server = try await bus.serve(at: endpoint) { try await vault.answer($0) }
        vault.state.withLock { $0.server = server }
        return vault
    }

    private init(publisher: EventPublisher) { self.publisher = publisher }

    /// As bound.
    var endpoint: String { state.withLock { $0.server?.endpoint ?? "" } }
    var events: String { publisher.endpoint }

    func stop() async {
        await state.withLock { $0.server }?.stop()
        await publisher.stop()
    }

    // MARK: Script

    func setTopology(source: String, target: String, policy: String) {
        state.withLock { state in
            state.hosts = [
                .with {
                    $0.id = "source-host"
                    $0.name = "alpha"
                    $0.controlEndpoint = source
                },
                .with {
                    $0.id = "target-host"
                    $0.name = "beta"
                    $0.controlEndpoint = target
                },
            ]
            state.pairs = [
                .with {
                    $0.sourceCloud = "a"
                    $0.targetCloud = "b"
                    $0.policy = policy
                }
            ]
        }
    }

    func protect(_ id: String) async {
        await put(
            .with {
                $0.id = id
                $0.guestUuid = "99999999-9999-4999-8999-999999999999"
                $0.guestName = "web"
                $0.sourceHostID = "source-host"
                $0.targetHostID = "target-host"
                $0.sourceCloud = "a"
                $0.targetCloud = "b"
                $0.state = .enabling
                $0.direction = .forward
                $0.generation = 1
                $0.version = 1
            })
    }

    func change(_ id: String, to wanted: ProtectionState, reason: String = "an operator") async {
        await step(id) {
            $0.state = wanted
            $0.stateReason = reason
        }
    }

    /// A step of a run. In one go, because what the service asks for meanwhile must not end up under the same version.
    func step(_ id: String, _ change: @Sendable (inout Protection) -> Void) async {
        let event: VaultEvent? = state.withLock { state in
            guard var protection = state.protections[id] else { return nil }
            change(&protection)
            protection.version += 1
            state.protections[id] = protection
            return Self.event(&state) { $0.protection = protection }
        }
        if let event { await publisher.publish(.vaultEvent(event)) }
    }

    private func put(_ protection: Protection) async {
        let event = state.withLock { state in
            state.protections[protection.id] = protection
            return Self.event(&state) { $0.protection = protection }
        }
        await publisher.publish(.vaultEvent(event))
    }

    private static func event(_ state: inout State, _ fill: (inout VaultEvent) -> Void) -> VaultEvent {
        state.number += 1
        var event = VaultEvent()
        event.number = state.number
        event.epoch = epoch
        fill(&event)
        return event
    }

    // MARK: Evidence

    /// States that the policy service asked for, in order.
    var asked: [ProtectionState] { state.withLock { $0.told.map(\.state) } }
    /// The same with the reasons that it gave.
    var told: [ChangeState] { state.withLock { $0.told } }
    var confirmed: [String] { state.withLock { $0.confirmed } }

    func stateOf(_ id: String) -> ProtectionState? { state.withLock { $0.protections[id]?.state } }
    func versionOf(_ id: String) -> UInt64? { state.withLock { $0.protections[id]?.version } }

    // MARK: Answers

    func answer(_ request: IncomingRequest) async throws -> Envelope.OneOf_Body {
        guard case .vaultRequest(let wire) = request.body, let asked = wire.request else {
            throw RemoteError(.unimplemented, "not a vault's request")
        }
        let (reply, event) = try state.withLock { try Self.carryOut(asked, &$0) }
        if let event { await publisher.publish(.vaultEvent(event)) }
        return .vaultReply(.with { $0.reply = reply })
    }

    private static func carryOut(
        _ request: VaultRequest.OneOf_Request, _ state: inout State
    ) throws -> (VaultReply.OneOf_Reply, VaultEvent?) {
        switch request {
        case .getSnapshot:
            let snapshot = Snapshot.with {
                $0.eventNumber = state.number
                $0.epoch = epoch
                $0.hosts = state.hosts
                $0.pairs = state.pairs
                $0.protections = Array(state.protections.values)
            }
            return (.snapshot(snapshot), nil)
        case .changeState(let change):
            guard var protection = state.protections[change.protection] else { throw RemoteError(.notFound, "none") }
            guard change.expectedVersion == protection.version else { throw RemoteError(.conflict, "version") }
            state.told.append(change)
            protection.state = change.state
            protection.stateReason = change.reason
            protection.version += 1
            state.protections[protection.id] = protection
            return (.protection(protection), event(&state) { $0.protection = protection })
        case .confirmUnprotected(let confirm):
            guard state.protections.removeValue(forKey: confirm.protection) != nil else {
                throw RemoteError(.notFound, "none")
            }
            state.confirmed.append(confirm.protection)
            return (.done(Done()), event(&state) { $0.protectionRemoved = confirm.protection })
        case .createSite, .deleteSite, .createCloud, .deleteCloud, .pairClouds, .unpairClouds, .registerHost,
            .reportInventory, .removeHost, .protect, .protectCloud, .unprotect, .setPolicyOverride, .listAudit,
            .advanceFailover:
            throw RemoteError(.unimplemented, "not in this script")
        }
    }
}
