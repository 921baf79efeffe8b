import Glibc
import Synchronization

@testable import DeltaLog

/// A file in memory that records what is asked of it, fails when told, and holds writes back until let go.
final class ScriptedTarget: StagingTarget {
    enum Step: Equatable {
        case write(at: UInt64, [UInt8])
        case truncate(UInt64)
        case synchronize
    }

    private struct State {
        var steps: [Step] = []
        var bytes: [UInt8] = []
        var failsFrom: UInt64?
        var failsToSynchronize = false
        var isHeld = false
        var heldWrites = 0

        mutating func lengthen(to count: Int) {
            if bytes.count < count { bytes += [UInt8](repeating: 0, count: count - bytes.count) }
        }
    }

    private let state = Monitor(State())

    var steps: [Step] { state.update { $0.steps } }
    var bytes: [UInt8] { state.update { $0.bytes } }

    /// Every write that reaches beyond this position finds no space.
    func failWrites(from position: UInt64) { state.update { $0.failsFrom = position } }
    func failSynchronizing() { state.update { $0.failsToSynchronize = true } }
    func hold() { state.update { $0.isHeld = true } }
    func letGo() { state.update { $0.isHeld = false } }
    /// Waits until so many writes are held back.
    func waitForHeldWrites(_ count: Int) { state.waitFor { $0.heldWrites >= count ? () : nil } }

    func useDirectWrites() -> Bool { false }
    func reserve(upTo end: UInt64, from start: UInt64) -> Bool { false }

    func write(_ bytes: UnsafeRawBufferPointer, at position: UInt64) throws {
        state.update { $0.heldWrites += 1 }
        state.waitFor { $0.isHeld ? nil : () }
        let end = position + UInt64(bytes.count)
        try state.update { state in
            state.heldWrites -= 1
            if let limit = state.failsFrom, end > limit {
                throw DeltaLogError(.noSpace, "no space left to write the delta log")
            }
            state.lengthen(to: Int(end))
            state.bytes.withUnsafeMutableBytes {
                UnsafeMutableRawBufferPointer(rebasing: $0[Int(position)..<Int(end)]).copyMemory(from: bytes)
            }
            state.steps.append(.write(at: position, Array(bytes)))
        }
    }

    func truncate(to byteCount: UInt64) throws {
        state.update { state in
            state.steps.append(.truncate(byteCount))
            state.lengthen(to: Int(byteCount))
            state.bytes.removeSubrange(Int(byteCount)...)
        }
    }

    func synchronize() throws {
        try state.update { state in
            if state.failsToSynchronize { throw DeltaLogError(.inputOutput, "could not sync the delta log") }
            state.steps.append(.synchronize)
        }
    }
}
