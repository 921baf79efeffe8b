import Synchronization

/// What has come about while a capture of a running guest is opened. One task drives it; the lock is for the threads
/// that its actions run on.
final class CaptureRun: Sendable {
    private struct State {
        var watchdog: FreezeWatchdog?
        var freezeBegan: ContinuousClock.Instant?
        var frozen: Duration = .zero
        var capturedUnixMilliseconds: Int64 = 0
        var nvram: [UInt8] = []
        var disks: [CapturedDisk] = []
    }

    let plan: CapturePlan
    let base: CheckpointName?
    private let state = Mutex(State())

    init(plan: CapturePlan, base: CheckpointName?) {
        self.plan = plan
        self.base = base
    }

    var guest: String { plan.guest.uuid }
    var name: CheckpointName { plan.name }
    var watchdog: FreezeWatchdog? { state.withLock { $0.watchdog } }

    func freezeBegan(at instant: ContinuousClock.Instant, _ watchdog: FreezeWatchdog) {
        state.withLock { state in
            state.watchdog = watchdog
            state.freezeBegan = instant
        }
    }

    func thawed(at instant: ContinuousClock.Instant) {
        state.withLock { state in
            if let began = state.freezeBegan { state.frozen = instant - began }
            state.watchdog = nil
        }
    }

    func captured(at unixMilliseconds: Int64) { state.withLock { $0.capturedUnixMilliseconds = unixMilliseconds } }

    func counted(_ disk: CapturedDisk) { state.withLock { $0.disks.append(disk) } }

    func keep(nvram: [UInt8]) { state.withLock { $0.nvram = nvram } }

    func description(consistency: CaptureConsistency, note: String) -> CaptureDescription {
        state.withLock { state in
            CaptureDescription(
                cycle: plan.request.cycle, capturedUnixMilliseconds: state.capturedUnixMilliseconds,
                consistency: consistency, consistencyNote: note, disks: state.disks,
                definition: plan.guest.definition, nvram: state.nvram, isOffline: false, frozen: state.frozen)
        }
    }
}
