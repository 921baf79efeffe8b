/// Where the registry is kept.
///
/// Calls block until the disk answered and come from one thread at a time. Every implementation passes the contract
/// suite in `VaultTests/VaultStoreContractTests.swift`. Everything is thrown as ``VaultError``: `storage` and
/// `resourceExhausted` from the disk, `corruptData` for what contradicts itself, `unavailable` when another vault has
/// the same database open.
protocol VaultStore: Sendable {
    /// Everything that was committed, checked against ``Registry/checkInvariants()``.
    func load() throws(VaultError) -> StoredVault

    /// All of the transaction or nothing of it. When it returns, what it changed survives a loss of power; entries of
    /// the audit that come without a change may be lost with it.
    func commit(_ transaction: VaultTransaction) throws(VaultError)

    /// Newest first; `before` excludes itself.
    func audit(limit: Int, before: UInt64?) throws(VaultError) -> [NumberedAuditEntry]

    /// The newest stored events, oldest first.
    func events(limit: Int) throws(VaultError) -> [StoredEvent]

    /// The answer to a command that was done before.
    func answer(to operation: [UInt8]) throws(VaultError) -> [UInt8]?

    /// Nothing may be asked afterwards.
    func close() throws(VaultError)
}

struct StoredVault: Hashable, Sendable {
    /// 16 bytes, made when the store is opened: event numbers compare only within one epoch.
    var epoch: [UInt8]
    /// 0: nothing was published yet.
    var lastEventNumber: UInt64
    var registry: Registry
}

/// What one decision writes, in one transaction.
///
/// Invariant: the published changes are numbered without gaps from the last event number + 1; a store refuses others.
struct VaultTransaction: Hashable, Sendable {
    var moment: VaultMoment
    var changes: [NumberedChange] = []
    var audit: [AuditEntry] = []
    var operation: CompletedOperation?

    /// Only entries of the audit: worth keeping, not worth a synced write.
    var isAuditAlone: Bool { changes.isEmpty && operation == nil }
}

/// A change with its event's number; unpublished changes have none.
struct NumberedChange: Hashable, Sendable {
    var number: UInt64?
    var change: RegistryChange

    /// Numbers the published ones after `last`.
    static func numbering(_ changes: [RegistryChange], after last: UInt64) -> [NumberedChange] {
        var number = last
        return changes.map { change in
            guard change.isPublished else { return NumberedChange(number: nil, change: change) }
            number += 1
            return NumberedChange(number: number, change: change)
        }
    }
}

/// So that the same command is not done again after a restart.
struct CompletedOperation: Hashable, Sendable {
    /// 16 bytes that the caller chose.
    var identifier: [UInt8]
    var answer: [UInt8]
}

/// What remains of a published change, for diagnosis.
struct StoredEvent: Hashable, Sendable {
    var number: UInt64
    var timeUnixMilliseconds: Int64
    /// As the change is called in the protocol: `protection`, `guest_removed`.
    var kind: String
    /// Identifier or name of what changed.
    var subject: String
}
