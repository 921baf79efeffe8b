/// A replica as its directory holds it: a base, logs upon it, and the marks of the manifest. `Layout.md` has the order
/// of its writes, which this keeps block by block, so that a kill between two of them leaves what it would leave there.
struct WalkReplica: Hashable {
    enum Base: Hashable {
        case empty
        case settled(UInt64)
        case diverged(UInt64)
        case folding(to: UInt64)
        case absorbing(UInt64, isDiverged: Bool)
    }

    struct Log: Hashable {
        var cycle: UInt64
        var changes: [Int: Int]
    }

    var generation: UInt64
    var base = Base.empty {
        didSet { if base != oldValue { written = nil } }
    }
    /// Where a diverged base may hold something else than its point; nil: anywhere.
    var written: Set<Int>?
    var logs: [Log] = []
    /// The base images are the guest's own disks, which the host has.
    var isAdopted = false
    /// The base, when it is not.
    var images = [Int](repeating: 0, count: WalkGuest.blocks)
    var running: UInt64?
    var settling: UInt64?

    /// Without those that a fold took in and was killed before it removed; a journal is what follows its base.
    private var journal: [Log] {
        guard case .settled(let cycle) = base else { return logs }
        return logs.filter { $0.cycle > cycle }
    }

    /// What the next cycle is made upon; 0: nothing.
    var newest: UInt64 {
        if let last = journal.last { return last.cycle }
        switch base {
        case .settled(let cycle), .diverged(let cycle): return cycle
        case .empty, .folding, .absorbing: return 0
        }
    }

    var baseCycle: UInt64 {
        switch base {
        case .settled(let cycle), .diverged(let cycle): cycle
        case .empty, .folding, .absorbing: 0
        }
    }

    /// Listed points, oldest first.
    var points: [UInt64] {
        switch base {
        case .empty, .diverged: logs.map(\.cycle)
        case .settled(let cycle): [cycle] + journal.map(\.cycle)
        case .folding(let target): logs.map(\.cycle).filter { $0 >= target }
        case .absorbing: []
        }
    }

    var isDivergedAlone: Bool {
        if case .diverged = base { return logs.isEmpty }
        return false
    }

    func content(of cycle: UInt64, upon base: [Int]) -> [Int] {
        var content = base
        for log in journal where log.cycle <= cycle {
            for (block, value) in log.changes { content[block] = value }
        }
        return content
    }
}
