/// A guest as the hypervisor of a host knows it: power, what changed since each checkpoint, and the open capture.
struct WalkGuest: Hashable {
    static let blocks = 8
    /// Each block stands for one region, so that a cycle is cut into several jobs.
    static let blockBytes: UInt64 = 64 << 20

    struct Checkpoint: Hashable {
        var dirty: Set<Int> = []
        var isConsistent = true
    }

    struct Capture: Hashable {
        var cycle: UInt64
        var content: [Int]
        /// Nil: everything.
        var changed: Set<Int>?
        var isOffline: Bool
        /// Another one under the same number has another address.
        var opening: Int
        var isLost = false
    }

    var isOn: Bool {
        didSet { if isOn, !oldValue { starts += 1 } }
    }
    var starts = 0
    var startsWithHost = false
    /// It runs on a host's own disks; else it was started from a replica.
    var isOwn: Bool
    /// What it wrote and saw, which its disks have to show.
    var shadow: [Int]
    /// What it wrote, when it was started from a replica.
    var overlay: [Int: Int] = [:]
    var checkpoints: [UInt64: Checkpoint] = [:]
    var capture: Capture?

    mutating func write(_ block: Int, _ value: Int) {
        shadow[block] = value
        if !isOwn { overlay[block] = value }
        for cycle in checkpoints.keys { checkpoints[cycle]?.dirty.insert(block) }
    }

    mutating func end(cleanly: Bool) {
        isOn = false
        capture?.isLost = true
        if !cleanly { for cycle in checkpoints.keys { checkpoints[cycle]?.isConsistent = false } }
    }

    /// Nil: there is none.
    func checkpoint(upTo cycle: UInt64) -> UInt64? { checkpoints.keys.filter { $0 <= cycle }.max() }

    mutating func closeCapture(keep: UInt64) {
        capture = nil
        // One that is shut off can neither get nor lose a checkpoint.
        guard isOn else { return }
        let kept = checkpoint(upTo: keep)
        checkpoints = checkpoints.filter { $0.key == kept }
    }

    mutating func release() {
        capture = nil
        checkpoints = [:]
    }
}
