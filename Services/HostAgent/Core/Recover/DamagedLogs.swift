import BlockDevice
import FoundationEssentials
import Replica

/// Damaged logs of a replica are set aside: `recover set-aside`.
///
/// The replica is opened by itself, without an agent, because nothing may commit, fold or open views meanwhile; one that
/// an agent works with is refused.
package enum DamagedLogs {
    /// The keys are documented in JSON.md and stay.
    package struct Outcome: Sendable, Encodable {
        package var protection: String
        package var guestName: String
        package var checkedBytes: UInt64
        /// As they were found: of the logs that were set aside, and others.
        package var faults: [String]
        package var faultCount: UInt64
        /// Files that are in `damaged/` now, oldest first.
        package var setAside: [String]
        /// What is left.
        package var points: Int
        package var newestCycle: UInt64

        private enum CodingKeys: String, CodingKey {
            case protection, checkedBytes, faults, faultCount, setAside, points, newestCycle
            case guestName = "guest"
        }

        /// Whether something was found that setting logs aside does not mend: a base image, or one of the small files.
        package var isDamaged: Bool {
            faults.contains { fault in fault.first?.isNumber != true && !fault.hasPrefix("base:") }
        }
    }

    /// Reads everything once, as `verify` does, and sets aside the first damaged log and every later one.
    /// - Parameters:
    ///   - directory: of the replica.
    ///   - confirm: asked before the first file is moved, with the guest's name and that of the first log; when it throws,
    ///     everything stays as it is.
    /// - Throws: `ReplicaError`: `locked` while an agent runs, `inUse` while a guest or a view needs one of the logs.
    package static func setAside(
        in directory: String, progress: @escaping @Sendable (_ checked: UInt64, _ total: UInt64) -> Void,
        confirm: @escaping @Sendable (_ guest: String, _ firstLog: String) throws -> Void
    ) async throws -> Outcome {
        try await BlockingThreads(name: "aside", threads: 1).run {
            let replica = try Replica.open(directory: directory)
            defer { replica.close() }
            let report = try replica.scrub { progress($0.checkedBytes, $0.totalBytes) }
            var names: [String] = []
            if let first = report.firstDamagedCycle {
                try confirm(try replica.describe().guestName, ReplicaLayout.logName(first))
                names = try replica.setDamagedLogsAside(from: first)
            }
            let described = try replica.describe()
            return Outcome(
                protection: described.protection.uuidString.lowercased(), guestName: described.guestName,
                checkedBytes: report.checkedBytes, faults: report.faults, faultCount: report.faultCount,
                setAside: names, points: described.points, newestCycle: replica.points().last?.cycle ?? 0)
        }
    }
}
