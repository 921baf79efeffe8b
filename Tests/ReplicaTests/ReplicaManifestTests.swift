import DeltaLog
import FoundationEssentials
import Testing

@testable import Replica

@Suite struct ReplicaManifestTests {
    private func uuid(_ byte: UInt8) -> UUID {
        UUID(uuid: (byte, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
    }

    private func manifest(_ base: ReplicaManifest.Base) -> ReplicaManifest {
        ReplicaManifest(
            protection: uuid(1), guest: uuid(2), guestName: "gäst", generation: 7, revision: 9, role: .target,
            base: base)
    }

    private var basePoint: ReplicaManifest.BasePoint {
        let point = RecoveryPoint(
            cycle: 5, identifier: PointIdentifier(bytes: (1...16).map(UInt8.init)) ?? .none,
            capturedUnixMilliseconds: -3, consistency: .application, storedBytes: 0, changedBytes: 77,
            disks: [DeltaLogDisk(target: "vda", sizeBytes: 1 << 20), DeltaLogDisk(target: "sdb", sizeBytes: 512)])
        return ReplicaManifest.BasePoint(
            point: point, guest: GuestConfiguration(definition: "<domain/>", nvram: [9, 8, 7]))
    }

    private var examples: [ReplicaManifest] {
        [
            manifest(.empty), manifest(.settled(basePoint)), manifest(.folding(from: basePoint, to: 6)),
            manifest(.folding(from: nil, to: 1)),
        ]
    }

    /// What only version 2 can say.
    private var failoverExamples: [ReplicaManifest] {
        var adopted = manifest(.folding(from: basePoint, to: 6))
        adopted.runningCycle = 6
        adopted.settlingCycle = 6
        adopted.adopted = [
            AdoptedImage(
                target: "vda", path: "/var/lib/images/gäst, 1.qcow2", format: .qcow2, sizeBytes: 1 << 20,
                isCompressed: true),
            AdoptedImage(target: "sdb", path: "/dev/vg/sdb", format: .raw, sizeBytes: 512),
        ]
        var running = manifest(.settled(basePoint))
        running.runningCycle = 5
        var settling = manifest(.empty)
        settling.settlingCycle = 3
        return [
            adopted, running, settling, manifest(.diverged(basePoint)),
            manifest(.absorbing(.exact(basePoint.point), guest: basePoint.guest)),
            manifest(.absorbing(.diverged(basePoint.point), guest: basePoint.guest)),
        ]
    }

    @Test func theOldestVersionThatSufficesIsWritten() throws {
        #expect(examples.allSatisfy { $0.formatVersion == 1 })
        #expect(failoverExamples.allSatisfy { $0.formatVersion == 2 })
        for example in failoverExamples { #expect(try ReplicaManifest(decoding: example.encoded()) == example) }
    }

    @Test func theSecondFormatStaysReadable() throws {
        let golden = try goldenBytes("manifest-2.hex")
        let example = try #require(failoverExamples.first)
        #expect(try example.encoded() == golden)
        #expect(try ReplicaManifest(decoding: golden) == example)
    }

    @Test func whatIsWrittenIsRead() throws {
        for example in examples {
            #expect(try ReplicaManifest(decoding: example.encoded()) == example)
        }
    }

    @Test func aChangedByteAnywhereIsNoticed() throws {
        for example in examples + failoverExamples.prefix(1) {
            let bytes = try example.encoded()
            for position in bytes.indices {
                var altered = bytes
                altered[position] ^= 0x10
                #expect(throws: ReplicaError.self) { try ReplicaManifest(decoding: altered) }
            }
            for count in bytes.indices {
                #expect(throws: ReplicaError.self) { try ReplicaManifest(decoding: Array(bytes[..<count])) }
            }
            #expect(throws: ReplicaError.self) { try ReplicaManifest(decoding: bytes + [0]) }
        }
    }

    /// The bytes of format version 1, for ever.
    @Test func theFormatStaysReadable() throws {
        let golden = try goldenBytes("manifest-1.hex")
        #expect(try manifest(.folding(from: basePoint, to: 6)).encoded() == golden)
        #expect(try ReplicaManifest(decoding: golden) == manifest(.folding(from: basePoint, to: 6)))
    }

    @Test func aManifestThatBreaksAnInvariantIsNotWritten() {
        var example = manifest(.folding(from: basePoint, to: 5))
        #expect(throws: ReplicaError.self) { try example.encoded() }
        example = manifest(.empty)
        for generation in [0, ReplicaLimits.generation + 1, .max] {
            example.generation = generation
            #expect(throws: ReplicaError.self) { try example.encoded() }
        }
        example = manifest(.settled(basePoint))
        example.settlingCycle = 4
        #expect(throws: ReplicaError.self) { try example.encoded() }
        example = manifest(.folding(from: basePoint, to: 7))
        example.settlingCycle = 6
        #expect(throws: ReplicaError.self) { try example.encoded() }
        example = manifest(.settled(basePoint))
        example.adopted = [AdoptedImage(target: "vda", path: "disk.raw", format: .raw, sizeBytes: 512)]
        #expect(throws: ReplicaError.self) { try example.encoded() }
        example.adopted = ["vda", "vdb"].map { AdoptedImage(target: $0, path: "/d", format: .raw, sizeBytes: 512) }
        #expect(throws: ReplicaError.self) { try example.encoded() }
    }

    private func goldenBytes(_ name: String) throws -> [UInt8] {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Golden/" + name
        let digits = try String(contentsOfFile: path, encoding: .utf8).filter { $0.isHexDigit }
        return stride(from: 0, to: digits.count, by: 2).map { position in
            let start = digits.index(digits.startIndex, offsetBy: position)
            return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16) ?? 0
        }
    }
}
