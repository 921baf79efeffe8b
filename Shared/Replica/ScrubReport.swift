/// How far a scrub is, and what it found.
package struct ScrubReport: Sendable, Hashable {
    package var checkedBytes: UInt64 = 0
    package var totalBytes: UInt64
    /// The first `ReplicaLimits.scrubFaults`, each naming its file.
    package private(set) var faults: [String] = []
    package private(set) var faultCount: UInt64 = 0
    /// The oldest log that cannot be used; nil: every one can.
    package private(set) var firstDamagedCycle: UInt64?

    init(totalBytes: UInt64) {
        self.totalBytes = totalBytes
    }

    mutating func add(damagedLog cycle: UInt64, _ reason: String) {
        firstDamagedCycle = min(cycle, firstDamagedCycle ?? .max)
        add(fault: "\(ReplicaLayout.logName(cycle)): \(reason)")
    }

    mutating func add(fault: String) {
        faultCount += 1
        if faults.count < ReplicaLimits.scrubFaults { faults.append(fault) }
    }
}
