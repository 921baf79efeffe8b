import Messages
import SwiftProtobuf

@testable import HostAgent

/// The source role: what is decided is decided by its state machine, which is saved before it is acted upon.
extension WalkHost {
    private func instant(_ now: Int64) -> ContinuousClock.Instant { epoch + .milliseconds(now) }

    mutating func change<Value>(_ body: (inout CaptureStateMachine) throws -> Value) throws -> Value {
        let result = Result { try body(&capturing) }
        ledger = capturing.ledger
        captureGeneration = capturing.generation
        return try result.get()
    }

    mutating func openCapture(_ request: OpenCapture, _ generation: UInt64, now: Int64) throws -> CaptureOpened {
        let asked = try SourceRole.CaptureOrder(request, generation: generation)
        try side?.requireActive(generation: generation)
        let now = instant(now)
        switch try change({ try $0.open(asked.order) }) {
        case .answerAgain:
            return try describeCapture()
        case .begin(let ending, let keep):
            try step()
            do {
                if ending != nil { guest?.closeCapture(keep: keep ?? 0) }
                try step()
                try beginCapture(asked.order)
                try step()
                try change { $0.began(now: now, keep: asked.keep) }
            } catch let error as RemoteError {
                try change { $0.beginFailed() }
                throw error
            }
            return try describeCapture()
        }
    }

    private mutating func beginCapture(_ order: CaptureStateMachine.Order) throws {
        guard var known = guest else { throw Self.refused("no guest", .notFound) }
        if let open = known.capture, open.cycle == order.cycle, !open.isLost { return }
        known.capture = nil
        var changed: Set<Int>?
        var base: UInt64?
        switch order.kind {
        case .full, .compare: break
        case .incremental:
            guard let parent = order.parent, let found = known.checkpoint(upTo: parent),
                let checkpoint = known.checkpoints[found], checkpoint.isConsistent
            else { throw Self.refused("no sound checkpoint", .failedPrecondition, ["needs": "compare"]) }
            base = found
            changed = checkpoint.dirty
        }
        known.checkpoints = known.checkpoints.filter { $0.key == base }
        let content = try disk()
        if known.isOn { known.checkpoints[order.cycle] = WalkGuest.Checkpoint() }
        openings += 1
        known.capture = WalkGuest.Capture(
            cycle: order.cycle, content: content, changed: changed, isOffline: !known.isOn, opening: openings)
        guest = known
        captured.append((protection, order.cycle, content))
    }

    private func describeCapture() throws -> CaptureOpened {
        guard let capture = guest?.capture else { throw Self.refused("the capture is gone", .notFound) }
        return .with {
            $0.cycle = capture.cycle
            $0.capturedUnixMs = 1
            $0.consistency = .crash
            $0.definition = "<domain/>"
            $0.offline = capture.isOffline
            $0.disks = [
                .with { disk in
                    disk.disk = .with {
                        $0.target = "vda"
                        $0.sizeBytes = UInt64(WalkGuest.blocks) * WalkGuest.blockBytes
                        $0.format = "qcow2"
                        $0.source = "/walk/vda"
                    }
                    disk.nbdUri = address(of: capture)
                    disk.bitmapContext = capture.changed == nil ? "" : "dirty"
                    disk.regionBytes = WalkGuest.blockBytes
                    disk.changed = (0..<WalkGuest.blocks).map {
                        capture.changed?.contains($0) ?? true ? WalkGuest.blockBytes : 0
                    }
                }
            ]
        }
    }

    func address(of capture: WalkGuest.Capture) -> String { "walk:\(index)/\(capture.opening)/\(capture.cycle)" }

    mutating func keepCapture(_ request: KeepCapture, _ generation: UInt64, now: Int64) throws {
        let now = instant(now)
        guard captureGeneration > 0 else { throw Self.refused("nothing is captured", .notFound) }
        try change { try $0.keep(cycle: request.cycle, generation: generation, now: now, keep: .seconds(30)) }
        if guest?.capture.map({ $0.cycle == request.cycle && !$0.isLost }) ?? false { return }
        try lose(request.cycle, at: now)
        throw Self.refused("the capture was lost")
    }

    private mutating func lose(_ cycle: UInt64, at now: ContinuousClock.Instant) throws {
        if let action = try change({ $0.lost(cycle: cycle, now: now) }) { try end(action, reason: "lost") }
    }

    mutating func closeCapture(_ request: CloseCapture, _ generation: UInt64, now: Int64) throws {
        guard captureGeneration > 0 else { return }
        let kept = request.keepCheckpointOfCycle
        let now = instant(now)
        let action = try change {
            try $0.close(
                cycle: request.cycle, committed: request.committed, keepCheckpointOf: kept == 0 ? nil : kept,
                generation: generation, now: now)
        }
        try step()
        try end(action, reason: nil)
    }

    private mutating func end(_ action: CaptureStateMachine.CloseAction, reason: String?) throws {
        switch action {
        case .nothing: return
        case .close(_, let keep):
            guest?.closeCapture(keep: keep ?? 0)
            try step()
            try change { $0.closed(reason: reason) }
        }
    }

    /// Captures that nobody kept alive, and those that went with their guest.
    mutating func watchCaptures(now: Int64) throws {
        let now = instant(now)
        if let capture = guest?.capture, capture.isLost { try lose(capture.cycle, at: now) }
        if let action = try change({ $0.expire(now: now) }) { try end(action, reason: "nobody kept it alive") }
    }

    mutating func releaseSource(_ generation: UInt64) throws {
        try change { try $0.admit(generation: generation) }
        guest?.release()
        try step()
        try change { $0.released() }
    }

    /// What a worker reads there now; nil: nothing.
    func read(_ address: String) -> (content: [Int], changed: Set<Int>?)? {
        guard let capture = guest?.capture, self.address(of: capture) == address, !capture.isLost else { return nil }
        return (capture.content, capture.changed)
    }
}
