import Messages
import Repeatable
import SwiftProtobuf

@testable import Vault

/// The vault's decisions and a store, as its keeper joins them: decide, store, apply, answer and publish.
struct WalkVault {
    private var store: MemoryVaultStore
    private var epoch: [UInt8]
    private var machine: VaultStateMachine
    private var lastEvent: UInt64 = 0
    private var random: SeededRandom

    init(seed: UInt64, now: Int64) {
        random = SeededRandom(seed: seed)
        epoch = random.bytes(16)
        store = MemoryVaultStore(epoch: epoch)
        machine = VaultStateMachine(registry: Registry(), at: Self.moment(now))
    }

    /// What follows happens to this one alone.
    mutating func fork() { store = MemoryVaultStore(copying: store) }

    /// As after a kill: only what was stored is known, and each life has its own epoch.
    mutating func restart(now: Int64) throws {
        let stored = try store.load()
        epoch = random.bytes(16)
        machine = VaultStateMachine(registry: stored.registry, at: Self.moment(now))
        lastEvent = stored.lastEventNumber
    }

    var snapshot: Snapshot {
        let stored = StoredVault(epoch: epoch, lastEventNumber: lastEvent, registry: machine.registry)
        guard case .snapshot(let snapshot) = VaultAnswer.snapshot(stored).wire else {
            preconditionFailure("a snapshot is a snapshot")
        }
        return snapshot
    }

    /// The one protection of the walk.
    var protection: Messages.Protection? { machine.registry.protections.values.first?.wire }

    mutating func answer(_ question: WalkQuestion, now: Int64) throws -> (WalkReply, [VaultEvent]) {
        guard case .vaultRequest(let body) = question.body, let wire = body.request else {
            throw WalkViolation("the vault was asked what it does not answer: \(question.body)")
        }
        do throws(VaultError) {
            let request = try RegistryRequest(wire: wire)
            if request.kind == .command, let known = try store.answer(to: question.operation) {
                return (.success(.vaultReply(try VaultReply(encoded: known))), [])
            }
            let moment = Self.moment(now)
            let context = RequestContext(moment: moment, actor: "walk", generation: question.generation)
            let decision = try machine.decide(request, context: context, using: &random)
            let answer: VaultAnswer
            switch decision.answer {
            case .snapshot: return (.success(.vaultReply(.with { $0.reply = .snapshot(snapshot) })), [])
            case .done: answer = .done
            case .host(let host): answer = .host(host)
            case .protection(let protection): answer = .protection(protection)
            case .duties(let duties): answer = .duties(duties)
            case .cloudProtected(let result): answer = .cloudProtected(result)
            case .audit: return (.success(.vaultReply(.with { $0.reply = .auditList(.init()) })), [])
            }
            let isKept = request.kind == .command && !decision.changes.isEmpty
            let operation =
                isKept ? CompletedOperation(identifier: question.operation, answer: answer.encoded) : nil
            let events = try take(decision, operation, at: moment)
            return (.success(.vaultReply(.with { $0.reply = answer.wire })), events)
        } catch {
            return (.failure(RemoteError(error)), [])
        }
    }

    mutating func checkSilence(now: Int64) throws -> [VaultEvent] {
        try take(machine.decideOnSilence(at: Self.moment(now)), nil, at: Self.moment(now))
    }

    private mutating func take(
        _ decision: VaultDecision, _ operation: CompletedOperation?, at moment: VaultMoment
    ) throws(VaultError) -> [VaultEvent] {
        let changes = NumberedChange.numbering(decision.changes, after: lastEvent)
        if !decision.isVolatile {
            try store.commit(
                VaultTransaction(moment: moment, changes: changes, audit: decision.audit, operation: operation))
        }
        machine.apply(decision, at: moment)
        try machine.registry.checkInvariants()
        lastEvent = changes.compactMap(\.number).last ?? lastEvent
        return changes.compactMap { $0.wire(epoch: epoch) }
    }

    private static func moment(_ now: Int64) -> VaultMoment {
        VaultMoment(unixMilliseconds: now, uptimeMilliseconds: UInt64(now))
    }
}
