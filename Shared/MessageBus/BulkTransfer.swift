internal import Messages
import Synchronization

/// One transfer between its hello and its end: feeds the handler, in order, on a thread of its own.
///
///     socket thread ── Work ──► transfer's thread ── handler ── Outcome ──► socket thread
///
/// The queue between them is bounded by the transfer's credit and by the number of hash requests it may have waiting,
/// both enforced before anything is put in.
final class BulkTransfer: Sendable {
    enum Work: Sendable {
        case record(BulkRecord, cost: Int)
        case hash(BulkHashRequest, sequence: UInt64)
        case finish(records: UInt64, digest: [UInt8])
    }

    enum Outcome: Sendable {
        case accepted
        case stored(cost: Int)
        case hashed([UInt8], sequence: UInt64)
        case finished(digest: [UInt8])
        case failed(RemoteError)
        /// The handler has seen `ended`; the transfer's memory and thread are free.
        case gone
    }

    let peer: PeerIdentity
    let hello: BulkHello
    private let queue: AsyncStream<Work>
    private let input: AsyncStream<Work>.Continuation
    private let ending = Mutex<BulkTransferEnd?>(nil)

    init(peer: PeerIdentity, hello: BulkHello) {
        self.peer = peer
        self.hello = hello
        (queue, input) = AsyncStream.makeStream(bufferingPolicy: .unbounded)
    }

    func add(_ work: Work) { input.yield(work) }

    /// What is still queued is thrown away. The first reason stays.
    func end(_ reason: BulkTransferEnd) {
        ending.withLock { if $0 == nil { $0 = reason } }
        input.finish()
    }

    private var isEnding: Bool { ending.withLock { $0 != nil } }

    /// The life of the transfer on its own thread.
    func run(_ handler: any BulkServerHandler, report: @Sendable (Outcome) -> Void) async {
        do {
            let receiver = try await handler.transferOpened(hello)
            report(.accepted)
            await serve(receiver, report)
            let reason = ending.withLock { $0 } ?? .stopped
            await receiver.ended(reason)
        } catch {
            fail(error, report)
        }
        report(.gone)
    }

    private func serve(_ receiver: any BulkTransferHandler, _ report: @Sendable (Outcome) -> Void) async {
        for await work in queue {
            if isEnding { return }
            do {
                switch work {
                case .record(let record, let cost):
                    try await receiver.record(record)
                    report(.stored(cost: cost))
                case .hash(let request, let sequence):
                    report(.hashed(try await receiver.hashes(request), sequence: sequence))
                case .finish(let records, let digest):
                    let stored = try await receiver.finish(records: records, digest: digest)
                    precondition(stored.count == 32, "a handler answered a digest of a wrong length")
                    end(.finished)
                    report(.finished(digest: stored))
                }
            } catch {
                return fail(error, report)
            }
        }
    }

    private func fail(_ error: any Error, _ report: @Sendable (Outcome) -> Void) {
        let remote =
            (error as? RemoteError)
            ?? RemoteError(.internal, "\(error)", facts: ["type": String(describing: type(of: error))])
        end(.refused(remote))
        report(.failed(remote))
    }
}
