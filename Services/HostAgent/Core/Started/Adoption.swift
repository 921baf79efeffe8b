import DeltaLog
import FoundationEssentials
import Replica

/// What disks hold that become the base of a replica. It is written down before anything is done, because the point's
/// identifier and time have to be the same when it is done again.
package struct Adoption: Sendable, Equatable, Codable {
    /// A disk as the guest had it.
    package struct Disk: Sendable, Equatable, Codable {
        package var target: String
        package var sizeBytes: UInt64
        package var path: String
    }

    package var cycle: UInt64
    package var isDiverged: Bool
    /// 16 bytes in hexadecimal.
    package var identifier: String
    package var unixMilliseconds: Int64
    var disks: [Disk]
    /// The guest's definition when it was last on this host.
    package var definition: String
    /// Its UEFI variables then. Records of before have none.
    private var variables: Data?

    package init(
        cycle: UInt64, isDiverged: Bool, disks: [Disk], definition: String, variables: [UInt8] = []
    ) throws {
        self.cycle = cycle
        self.isDiverged = isDiverged
        self.disks = disks
        self.definition = definition
        self.variables = variables.isEmpty ? nil : Data(variables)
        identifier = hexadecimal(try PointIdentifier.random().bytes)
        unixMilliseconds = Int64(Date().timeIntervalSince1970 * 1_000)
    }

    /// As the point carries it.
    var configuration: GuestConfiguration {
        GuestConfiguration(definition: definition, nvram: variables.map { [UInt8]($0) } ?? [])
    }

    var paths: [String: String] { Dictionary(uniqueKeysWithValues: disks.map { ($0.target, $0.path) }) }

    func point() throws -> AdoptedPoint {
        let digits = Array(identifier.utf8)
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap { index in
            UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16)
        }
        guard let identifier = PointIdentifier(bytes: bytes) else {
            throw StartedReplica.wrong("the identifier of its adopted point is no such")
        }
        let point = ReplicaPoint(
            cycle: cycle, identifier: identifier, capturedUnixMilliseconds: unixMilliseconds, consistency: .crash,
            storedBytes: 0, changedBytes: 0,
            disks: disks.map { DeltaLogDisk(target: $0.target, sizeBytes: $0.sizeBytes) })
        return isDiverged ? .diverged(point) : .exact(point)
    }
}
