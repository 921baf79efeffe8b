import Synchronization

/// A store that forgets with the process: for tests and for running the whole system in one process.
final class MemoryVaultStore: VaultStore {
    fileprivate struct Content {
        var stored: StoredVault
        var audit: [NumberedAuditEntry] = []
        var events: [StoredEvent] = []
        var answers: [[UInt8]: [UInt8]] = [:]
        var operations: [[UInt8]] = []
        var failure: VaultError?
    }

    private let content: Mutex<Content>

    /// Another store with the same content, from which on each goes its own way.
    init(copying other: MemoryVaultStore) {
        let copied = other.content.withLock { $0 }
        content = Mutex(copied)
    }

    init(epoch: [UInt8]) {
        precondition(epoch.count == 16, "an epoch has 16 bytes")
        content = Mutex(Content(stored: StoredVault(epoch: epoch, lastEventNumber: 0, registry: Registry())))
    }

    /// Every following commit throws this, as a full disk would; `nil` ends it.
    func failCommits(with error: VaultError?) {
        content.withLock { $0.failure = error }
    }

    func load() throws(VaultError) -> StoredVault {
        let stored = content.withLock { $0.stored }
        try stored.registry.checkInvariants()
        return stored
    }

    func commit(_ transaction: VaultTransaction) throws(VaultError) {
        let refusal = content.withLock { content -> VaultError? in
            if let failure = content.failure { return failure }
            let last = content.stored.lastEventNumber
            guard transaction.changes == NumberedChange.numbering(transaction.changes.map(\.change), after: last) else {
                return .outOfSequence(last: last)
            }
            content.take(transaction)
            return nil
        }
        if let refusal { throw refusal }
    }

    func audit(limit: Int, before: UInt64?) throws(VaultError) -> [NumberedAuditEntry] {
        content.withLock { content in
            Array(content.audit.reversed().lazy.filter { before == nil || $0.number < before! }.prefix(limit))
        }
    }

    func events(limit: Int) throws(VaultError) -> [StoredEvent] {
        content.withLock { $0.events.suffix(limit) }
    }

    func answer(to operation: [UInt8]) throws(VaultError) -> [UInt8]? {
        content.withLock { $0.answers[operation] }
    }

    func close() throws(VaultError) {}
}

extension MemoryVaultStore.Content {
    fileprivate mutating func take(_ transaction: VaultTransaction) {
        for change in transaction.changes {
            stored.registry.apply(change.change)
            guard let number = change.number else { continue }
            stored.lastEventNumber = number
            events.append(
                StoredEvent(
                    number: number, timeUnixMilliseconds: transaction.moment.unixMilliseconds,
                    kind: change.change.kind, subject: change.change.subject))
        }
        events.removeFirst(max(0, events.count - Int(VaultLimits.maximumStoredEvents)))
        for entry in transaction.audit {
            audit.append(NumberedAuditEntry(number: (audit.last?.number ?? 0) + 1, entry: entry))
        }
        audit.removeFirst(max(0, audit.count - Int(VaultLimits.maximumAuditEntries)))
        if let operation = transaction.operation {
            if answers.updateValue(operation.answer, forKey: operation.identifier) == nil {
                operations.append(operation.identifier)
            }
            if operations.count > Int(VaultLimits.maximumStoredOperations) {
                answers[operations.removeFirst()] = nil
            }
        }
    }
}

extension VaultError {
    /// The caller's numbering and the database have parted: two vaults, or our own fault.
    static func outOfSequence(last: UInt64) -> VaultError {
        VaultError(
            .storage, "The changes are not numbered after event \(last), which is the last in the database.",
            remedy: "Restart the vault; make sure that only one runs on this database.", facts: ["last": "\(last)"])
    }
}
