/// How well a protection goes, why, and what to do. Apart from its state.
struct ProtectionHealth: Hashable, Sendable {
    enum Level: Int, Comparable, Sendable, CaseIterable {
        case normal, warning, critical

        static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    var level: Level
    var reason: String
    var remedy: String

    static let normal = ProtectionHealth(level: .normal, reason: "", remedy: "")
}

/// Decides the health of one protection from what is known of it. Pure: the worst finding wins, and among equals the
/// first, which is the one nearest to the cause.
enum HealthRules {
    /// Everything that health depends on.
    struct Evidence: Hashable, Sendable {
        var state: ProtectionEntry.State
        var stateReason: String
        /// As commands name it, because remedies are commands to copy.
        var guestName: String
        /// The clouds of its pair, from the one that was protected first.
        var pair: PairEntry.Key
        var binding: PolicyBinding
        /// Age of the newest point; nil: there is none.
        var newestAgeMilliseconds: Int64?
        var need: CycleNeed
        var failuresInARow: UInt32
        var lastError: PolicyError?
        /// Why no worker can read its source now; nil: one can.
        var unservedBecause: PolicyError?
        var sourceHostName: String
        var activeHostName = ""
        var run = ""
        var failoverCycle: UInt64 = 0
        var activeSide = ProtectionEntry.Side.source
        /// Both sides run the guest, the vault says.
        var alarm = ""
        var consistencyNote: String
        var waitsUntil: PolicyTime?
        /// What stands still because a host does not answer, or refuses; nil: nothing does.
        var standstill: Standstill?
        var now: PolicyTime
    }

    struct Standstill: Hashable, Sendable {
        var hostName: String
        /// What it is asked for, for people.
        var phase: String
        /// What came instead of the answer; nil: something of no use.
        var error: PolicyError?
    }

    /// A point is late when the one after it should have come, and one more: 2 × frequency + 5 s.
    static func lateMilliseconds(_ frequency: Int64) -> Int64 { 2 * frequency + 5_000 }
    /// Very late: 6 × frequency + 30 s.
    static func veryLateMilliseconds(_ frequency: Int64) -> Int64 { 6 * frequency + 30_000 }
    static let failuresUntilCritical: UInt32 = 3

    static func assess(_ evidence: Evidence) -> ProtectionHealth {
        let guest = evidence.guestName
        var findings: [ProtectionHealth] = []
        if !evidence.alarm.isEmpty {
            return ProtectionHealth(
                level: .critical, reason: evidence.alarm,
                remedy: "Shut the guest down on the host that is not active; what it writes there is not replicated.")
        }
        switch evidence.state {
        case .failingOver:
            return worst(of: failingOver(evidence))
        case .commitPending:
            let point = evidence.failoverCycle == 0 ? "" : " from point \(evidence.failoverCycle)"
            return ProtectionHealth(
                level: .warning,
                reason: "The guest runs at \(evidence.activeHostName)\(point) and is not replicated.",
                remedy: "Keep this point: bascule commit \(guest). "
                    + "Start another: bascule change-point \(guest) --point P. "
                    + "Go back: bascule cancel \(guest). Replicate it back: bascule reverse \(guest).")
        case .committed:
            let passive = evidence.sourceHostName
            return ProtectionHealth(
                level: .warning,
                reason: "The guest runs at \(evidence.activeHostName) and is unprotected until it is replicated back.",
                remedy: "Replicate it back: bascule reverse \(guest). Where \(passive) is gone for good: bascule "
                    + "unprotect \(guest) --keep-replica, then bascule hosts remove \(passive).")
        case .reversing:
            return worst(
                of: policy(evidence) + standstill(evidence) + failures(evidence) + workers(evidence)
                    + [
                        ProtectionHealth(
                            level: .warning,
                            reason: "The first cycle back from \(evidence.sourceHostName) is being made"
                                + (evidence.need.reason.isEmpty ? "." : ": \(evidence.need.reason)"),
                            remedy: "")
                    ])
        case .paused:
            let why = evidence.stateReason.isEmpty ? "Paused" : "Paused: \(evidence.stateReason)"
            return ProtectionHealth(
                level: .warning, reason: "\(why). No new recovery points are made.",
                remedy: "Go on with: bascule resume \(guest)")
        case .disabling:
            return standstill(evidence).first
                ?? ProtectionHealth(level: .normal, reason: "Protection is being removed from both hosts.", remedy: "")
        case .enabling, .seeding, .protected, .resynchronizing:
            break
        }
        findings += policy(evidence) + standstill(evidence) + failures(evidence) + workers(evidence) + age(evidence)
        findings += circumstances(evidence)
        return worst(of: findings)
    }

    private static func worst(of findings: [ProtectionHealth]) -> ProtectionHealth {
        var worst = ProtectionHealth.normal
        for finding in findings where finding.level > worst.level || worst == .normal { worst = finding }
        return worst
    }

    /// While the source is active its failures count, because the run waits for its last cycle.
    private static func failingOver(_ evidence: Evidence) -> [ProtectionHealth] {
        switch evidence.activeSide {
        case .source:
            let run = ProtectionHealth(
                level: .normal, reason: "Run \(evidence.run) fails it over; cycles are made when it asks.", remedy: "")
            return policy(evidence) + standstill(evidence) + failures(evidence) + workers(evidence) + [run]
        case .target:
            return [
                ProtectionHealth(
                    level: .warning,
                    reason: "Run \(evidence.run) fails it over; \(evidence.activeHostName) is active, and nothing is "
                        + "replicated.",
                    remedy: "See how far it is: bascule run show \(evidence.run)")
            ]
        }
    }

    private static func policy(_ evidence: Evidence) -> [ProtectionHealth] {
        guard case .unknown(let name) = evidence.binding else { return [] }
        if name.isEmpty {
            return [
                ProtectionHealth(
                    level: .critical, reason: "The protection's clouds are not paired, so no policy applies.",
                    remedy: "Pair them again with: bascule pair \(evidence.pair.sourceCloud) "
                        + "\(evidence.pair.targetCloud)")
            ]
        }
        return [
            ProtectionHealth(
                level: .critical, reason: "There is no policy named \(name), so no cycle is made.",
                remedy: "Make it with: bascule policy set \(name), or give the clouds another one with: bascule pair "
                    + "\(evidence.pair.sourceCloud) \(evidence.pair.targetCloud) --policy P")
        ]
    }

    /// As bad as the age that it leads to.
    private static func standstill(_ evidence: Evidence) -> [ProtectionHealth] {
        guard let standstill = evidence.standstill else { return [] }
        let level = max(.warning, age(evidence).first?.level ?? .warning)
        guard let error = standstill.error, error.wasSaid else {
            var remedy = "See whether bascule-agent runs on \(standstill.hostName) and can be reached."
            if evidence.state == .disabling {
                remedy += " If that host is gone for good: bascule hosts remove \(standstill.hostName)."
            }
            return [
                ProtectionHealth(
                    level: level,
                    reason: "Host \(standstill.hostName) does not answer as expected: \(standstill.phase).",
                    remedy: remedy)
            ]
        }
        let host = error.message.contains(standstill.hostName) ? "" : "Host \(standstill.hostName): "
        return [
            ProtectionHealth(
                level: level,
                reason: "It is refused, and asked again (\(standstill.phase)). \(host)\(error.message.asSentence)",
                remedy: error.remedy.isEmpty
                    ? "See the log of bascule-agent on \(standstill.hostName)." : error.remedy.asSentence)
        ]
    }

    private static func failures(_ evidence: Evidence) -> [ProtectionHealth] {
        guard evidence.failuresInARow > 0, let error = evidence.lastError else { return [] }
        let level: ProtectionHealth.Level = evidence.failuresInARow >= failuresUntilCritical ? .critical : .warning
        let times = evidence.failuresInARow == 1 ? "The last cycle" : "The last \(evidence.failuresInARow) cycles"
        let remedy =
            error.remedy.isEmpty ? "It is tried again by itself; see the hosts' logs if it lasts." : error.remedy
        return [
            ProtectionHealth(level: level, reason: "\(times) failed: \(error.message.asSentence)", remedy: remedy)
        ]
    }

    private static func workers(_ evidence: Evidence) -> [ProtectionHealth] {
        guard let error = evidence.unservedBecause else { return [] }
        return [ProtectionHealth(level: .critical, reason: error.message, remedy: error.remedy)]
    }

    private static func age(_ evidence: Evidence) -> [ProtectionHealth] {
        guard case .known(let settings) = evidence.binding, let age = evidence.newestAgeMilliseconds else { return [] }
        let frequency = settings.frequencyMilliseconds
        guard age > lateMilliseconds(frequency) else { return [] }
        let level: ProtectionHealth.Level = age > veryLateMilliseconds(frequency) ? .critical : .warning
        return [
            ProtectionHealth(
                level: level,
                reason:
                    "The newest recovery point is \(age / 1_000) s old; one is due every \(settings.frequencySeconds) s.",
                remedy: "See whether hosts and workers are reachable, or choose a longer --frequency or a larger "
                    + "--bandwidth.")
        ]
    }

    private static func circumstances(_ evidence: Evidence) -> [ProtectionHealth] {
        if let until = evidence.waitsUntil, until > evidence.now {
            let reason = "Initial replication starts in \((until - evidence.now) / 1_000) s, as the policy says."
            return [ProtectionHealth(level: .normal, reason: reason, remedy: "")]
        }
        switch evidence.need {
        case .compare(let reason):
            return [ProtectionHealth(level: .warning, reason: "Resynchronizing by comparison: \(reason)", remedy: "")]
        case .full(let reason) where evidence.newestAgeMilliseconds != nil:
            return [ProtectionHealth(level: .warning, reason: "Copying everything again: \(reason)", remedy: "")]
        case .full:
            return [ProtectionHealth(level: .normal, reason: "Initial replication is under way.", remedy: "")]
        case .incremental:
            guard !evidence.consistencyNote.isEmpty else { return [] }
            return [
                ProtectionHealth(
                    level: .warning,
                    reason: "The last point is not application-consistent: \(evidence.consistencyNote)",
                    remedy: "Install and start qemu-guest-agent in the guest.")
            ]
        }
    }
}
