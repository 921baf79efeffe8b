internal import DeltaLog
internal import Sealing

/// The chain of logs upon the base, oldest first, and what lies beside it in the same directory. A value: it is built
/// from a listing, and changed as logs are committed, merged and folded.
///
/// Invariants: each entry's parent is the entry before it, by cycle and identifier; the first one's is the base.
struct Journal: Sendable {
    /// A log that cannot be used: its own bytes are wrong, or its parent's are.
    struct Fault: Sendable, Hashable {
        var cycle: UInt64
        var reason: String
    }

    private(set) var chain: [JournalEntry] = []
    /// Logs that the chain does not need: folded into the base, or merged into a newer one.
    private(set) var leftovers: [UInt64] = []
    /// Logs beyond the end of the chain. While there are any, no cycle is taken.
    private(set) var faults: [Fault] = []
    private(set) var storedBytes: UInt64 = 0
    /// Logs that could not be merged with the one before, because together they pass a limit of the format.
    private var separated: Set<UInt64> = []

    init() {}

    /// Follows the chain from the base through the logs that were found.
    ///
    /// A log that was merged away has the same parent as the merged one or one within it; so of several logs with one
    /// parent the newest is right, and what it spans is left over.
    ///
    /// - Parameter lastCycle: logs after it are left over, readable or not; nil when all count.
    init(
        baseCycle: UInt64, baseIdentifier: PointIdentifier, lastCycle: UInt64? = nil, found: [JournalEntry],
        unreadable: [Fault]
    ) {
        let last = lastCycle ?? .max
        leftovers = (found.map(\.cycle) + unreadable.map(\.cycle)).filter { $0 > last }
        let found = found.filter { $0.cycle <= last }
        let unreadable = unreadable.filter { $0.cycle <= last }
        var next: [UInt64: JournalEntry] = [:]
        for entry in found where (next[entry.parentCycle]?.cycle ?? 0) < entry.cycle {
            next[entry.parentCycle] = entry
        }
        var cycle = baseCycle
        var identifier = baseIdentifier
        while let entry = next[cycle], entry.cycle > cycle, entry.parentIdentifier == identifier {
            append(entry)
            (cycle, identifier) = (entry.cycle, entry.point.identifier)
        }
        let members = Set(chain.map(\.cycle))
        for entry in found where !members.contains(entry.cycle) {
            if entry.cycle <= cycle {
                leftovers.append(entry.cycle)
            } else {
                faults.append(Fault(cycle: entry.cycle, reason: "the log before it is missing or damaged"))
            }
        }
        for fault in unreadable {
            if fault.cycle <= cycle { leftovers.append(fault.cycle) } else { faults.append(fault) }
        }
        leftovers.sort()
        faults.sort { $0.cycle < $1.cycle }
    }

    /// Lists `journal/` and reads header and trailer of every log in it.
    static func load(_ layout: ReplicaLayout, manifest: ReplicaManifest, replicaKey: SealingKey) throws -> Journal {
        var found: [JournalEntry] = []
        var unreadable: [Fault] = []
        for cycle in try DurableFiles.names(in: layout.journal).compactMap(ReplicaLayout.cycle(ofLogName:)).sorted() {
            do {
                found.append(try JournalEntry.read(layout, cycle: cycle, replicaKey: replicaKey))
            } catch let error as ReplicaError {
                // Merged or folded away between listing and reading: whoever did it has published what replaces it.
                guard DurableFiles.exists(layout.log(of: cycle)) else { continue }
                unreadable.append(Fault(cycle: cycle, reason: "\(error)"))
            }
        }
        return Journal(
            baseCycle: manifest.baseCycle, baseIdentifier: manifest.basePoint?.point.identifier ?? .none,
            lastCycle: manifest.settlingCycle, found: found, unreadable: unreadable)
    }

    var newest: JournalEntry? { chain.last }

    /// The entries up to a cycle, oldest first; nil when the cycle is none of them.
    func entries(upTo cycle: UInt64) -> ArraySlice<JournalEntry>? {
        index(of: cycle).map { chain[...$0] }
    }

    /// What retention decides by, oldest first.
    func candidates(isVerified: (PointIdentifier) -> Bool) -> [RetentionPlanner.Candidate] {
        chain.indices.map { index in
            let point = chain[index].point
            let previous = index > 0 ? chain[index - 1].point : point
            return RetentionPlanner.Candidate(
                cycle: point.cycle, capturedUnixMilliseconds: point.capturedUnixMilliseconds,
                applicationConsistent: point.consistency == .application, storedBytes: point.storedBytes,
                mergesOntoPrevious: DiskShape.merges(point.disks, onto: previous.disks)
                    && !separated.contains(point.cycle),
                isVerified: isVerified(point.identifier))
        }
    }

    func entry(of cycle: UInt64) -> JournalEntry? {
        index(of: cycle).map { chain[$0] }
    }

    mutating func append(_ entry: JournalEntry) {
        precondition(chain.last.map { $0.cycle == entry.parentCycle } ?? true, "a log is appended to another's parent")
        // Thousands of points have the same disks; they share one array.
        let disks = chain.last?.point.disks ?? []
        chain.append(entry.point.disks == disks ? entry.sharing(disks) : entry)
        storedBytes += entry.point.storedBytes
    }

    /// One log takes the place of several. What they were is left over, except the last, whose name it has.
    mutating func replace(_ cycles: [UInt64], with merged: JournalEntry) {
        guard let first = cycles.first.flatMap(index(of:)), let last = cycles.last.flatMap(index(of:)) else {
            preconditionFailure("a merge replaces logs that are not in the journal")
        }
        precondition(last - first + 1 == cycles.count && merged.cycle == cycles.last, "a merge has gaps")
        for entry in chain[first...last] { storedBytes -= entry.point.storedBytes }
        storedBytes += merged.point.storedBytes
        leftovers += cycles.dropLast()
        chain.replaceSubrange(first...last, with: [merged])
    }

    /// The base holds everything up to this cycle now.
    mutating func dropFolded(upTo cycle: UInt64) {
        let folded = chain.prefix { $0.cycle <= cycle }
        for entry in folded { storedBytes -= entry.point.storedBytes }
        leftovers += folded.map(\.cycle)
        chain.removeFirst(folded.count)
    }

    /// Everything after this cycle is left over now, faults included.
    mutating func dropAfter(_ cycle: UInt64) {
        for entry in chain where entry.cycle > cycle {
            storedBytes -= entry.point.storedBytes
            leftovers.append(entry.cycle)
        }
        chain.removeAll { $0.cycle > cycle }
        leftovers += faults.map(\.cycle).filter { $0 > cycle }
        faults.removeAll { $0.cycle > cycle }
        leftovers.sort()
    }

    /// Keeps retention from trying again what cannot be done.
    mutating func separate(_ cycle: UInt64) {
        separated.insert(cycle)
    }

    /// Logs from this cycle on, usable or not, are no part of it any more. Rising.
    mutating func takeOut(from first: UInt64) -> [UInt64] {
        let gone = chain.filter { $0.cycle >= first }
        let broken = faults.map(\.cycle).filter { $0 >= first }
        for entry in gone { storedBytes -= entry.point.storedBytes }
        chain.removeLast(gone.count)
        faults.removeAll { $0.cycle >= first }
        return (gone.map(\.cycle) + broken).sorted()
    }

    mutating func removedLeftover(_ cycle: UInt64) {
        leftovers.removeAll { $0 == cycle }
    }

    private func index(of cycle: UInt64) -> Int? {
        var low = 0
        var high = chain.count
        while low < high {
            let middle = (low + high) / 2
            if chain[middle].cycle < cycle { low = middle + 1 } else { high = middle }
        }
        return low < chain.count && chain[low].cycle == cycle ? low : nil
    }
}
