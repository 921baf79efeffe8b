import BlockDevice
import DeltaLog
import FoundationEssentials
import Logging
import MessageBus
import Messages
import Sealing
import Synchronization

/// A receiver that keeps what arrives in a delta log, and misbehaves when told to.
final class ScriptedTarget: BulkServerHandler {
    enum Behaviour: Sendable {
        case keep
        /// Answers the finish with another digest than it computed.
        case lieAboutTheDigest
        /// Refuses the first hello, and keeps what comes after another one.
        case refuseHello(RemoteError)
        /// Refuses every record.
        case refuse(RemoteError)
        /// Answers each question for hashes after this, that there is nothing but zeros.
        case holdZeros(after: Duration)
        /// Takes records as long as it is not told to go on.
        case stall
    }

    let writer: DeltaLogWriter
    private let parent: SparseBytes
    private let path: String
    private let replicaKey: SealingKey
    private let behaviour: Mutex<Behaviour>
    private let ends = Mutex<[BulkTransferEnd]>([])

    static let token = [UInt8](repeating: 9, count: 16)

    /// - Parameter parent: what hashes are computed of.
    init(directory: String, diskBytes: UInt64, parent: SparseBytes, behaviour: Behaviour) throws {
        path = "\(directory)/1.hrl"
        replicaKey = try SealingKey.random()
        let header = DeltaLogHeader(
            protection: UUID(), cycle: 1, parentCycle: 0, pointIdentifier: try PointIdentifier.random(),
            parentPointIdentifier: .none, capturedUnixMilliseconds: 0, consistency: .crash, generation: 1,
            disks: [DeltaLogDisk(target: "vda", sizeBytes: diskBytes)])
        writer = try DeltaLogWriter.create(
            path: path, header: header, guest: GuestConfiguration(definition: "<domain/>"), replicaKey: replicaKey)
        self.parent = parent
        self.behaviour = Mutex(behaviour)
    }

    var transfersEnded: [BulkTransferEnd] { ends.withLock { $0 } }

    func behave(_ new: Behaviour) { behaviour.withLock { $0 = new } }

    func transferOpened(_ hello: BulkHello) async throws -> any BulkTransferHandler {
        guard hello.token == Self.token else { throw RemoteError(.notFound, "The token is unknown.") }
        let refusal = behaviour.withLock { behaviour -> RemoteError? in
            guard case .refuseHello(let error) = behaviour else { return nil }
            behaviour = .keep
            return error
        }
        if let refusal { throw refusal }
        return Receiver(target: self, attempt: hello.attempt)
    }

    /// Commits the attempts and lays them over the parent.
    func result(of attempts: [UInt32]) throws -> [UInt8] {
        _ = try writer.commit(attempts: attempts)
        let reader = try DeltaLogReader(path: path, replicaKey: replicaKey)
        var disk = parent.contents
        for extent in reader.extents {
            try disk.withUnsafeMutableBytes { bytes in
                try reader.read(
                    extent,
                    into: UnsafeMutableRawBufferPointer(
                        rebasing: bytes[Int(extent.offset)..<Int(extent.offset + extent.length)]))
            }
        }
        return disk
    }

    private struct Receiver: BulkTransferHandler {
        let target: ScriptedTarget
        let attempt: UInt32

        func record(_ record: BulkRecord) async throws {
            switch target.behaviour.withLock({ $0 }) {
            case .keep, .refuseHello, .holdZeros, .lieAboutTheDigest: break
            case .refuse(let error): throw error
            case .stall:
                // Waits by the clock because a receiver that stalls waits for nothing.
                while case .stall = target.behaviour.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
            }
            try record.withUnsafeBytes {
                try target.writer.append(record: RawSpan(_unsafeBytes: $0), attempt: attempt)
            }
        }

        func hashes(_ request: BulkHashRequest) async throws -> [UInt8] {
            if case .holdZeros(let delay) = target.behaviour.withLock({ $0 }) {
                // Waits by the clock because the way to a target far away takes its time.
                try await Task.sleep(for: delay)
                return [UInt8](repeating: 0, count: request.blocks * BulkHashRequest.hashBytes)
            }
            var hashes: [UInt8] = []
            var offset = request.offset
            while offset < request.offset + request.length {
                let end = min(offset + UInt64(BulkHashRequest.blockBytes), request.offset + request.length)
                let block = target.parent.read(offset..<end)
                let isZero = block.allSatisfy { $0 == 0 }
                hashes +=
                    isZero
                    ? [UInt8](repeating: 0, count: 16) : [UInt8](SHA256Hasher.digest(of: block.span.bytes)[..<16])
                offset = end
            }
            return hashes
        }

        func finish(records: UInt64, digest: [UInt8]) async throws -> [UInt8] {
            let summary = try target.writer.finishAttempt(attempt)
            if case .lieAboutTheDigest = target.behaviour.withLock({ $0 }) { return [UInt8](repeating: 0, count: 32) }
            return summary.digest
        }

        func ended(_ reason: BulkTransferEnd) async {
            target.ends.withLock { $0.append(reason) }
        }
    }
}
