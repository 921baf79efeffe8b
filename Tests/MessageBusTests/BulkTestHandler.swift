import MessageBus
import Messages
import Synchronization

/// A receiver that remembers what it saw, and does what a test tells it to.
final class BulkTestHandler: BulkServerHandler, BulkTransferHandler {
    struct Seen {
        var hellos: [BulkHello] = []
        var sequences: [UInt64] = []
        var bytes = 0
        var firstBytes: [UInt8] = []
        var hashRequests: [BulkHashRequest] = []
        var finishes: [UInt64] = []
        var ends: [BulkTransferEnd] = []
    }

    private let seen = Mutex(Seen())
    let refuseHello: RemoteError?
    let refuseRecord: RemoteError?
    /// Awaited before each record is taken.
    let gate: Gate?

    init(refuseHello: RemoteError? = nil, refuseRecord: RemoteError? = nil, gate: Gate? = nil) {
        self.refuseHello = refuseHello
        self.refuseRecord = refuseRecord
        self.gate = gate
    }

    var now: Seen { seen.withLock { $0 } }

    func transferOpened(_ hello: BulkHello) async throws -> any BulkTransferHandler {
        seen.withLock { $0.hellos.append(hello) }
        if let refuseHello { throw refuseHello }
        return self
    }

    func record(_ record: BulkRecord) async throws {
        await gate?.pass()
        if let refuseRecord { throw refuseRecord }
        let first = record.withUnsafeBytes { $0[0] }
        seen.withLock {
            $0.sequences.append(record.sequence)
            $0.bytes += record.count
            $0.firstBytes.append(first)
        }
    }

    func hashes(_ request: BulkHashRequest) async throws -> [UInt8] {
        seen.withLock { $0.hashRequests.append(request) }
        return (0..<request.blocks).flatMap { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: 16) }
    }

    func finish(records: UInt64, digest: [UInt8]) async throws -> [UInt8] {
        seen.withLock { $0.finishes.append(records) }
        return digest
    }

    func ended(_ reason: BulkTransferEnd) async { seen.withLock { $0.ends.append(reason) } }
}

/// Lets nobody pass until it is opened.
actor Gate {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func pass() async {
        if isOpen { return }
        await withCheckedContinuation { waiting.append($0) }
    }

    func open() {
        isOpen = true
        for waiter in waiting { waiter.resume() }
        waiting = []
    }
}
