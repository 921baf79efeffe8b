import FoundationEssentials
import Messages
import ReplicationWorker
import Testing

@Suite struct AssignedJobTests {
    static func valid() -> TransferJob {
        var job = TransferJob()
        job.job = UUID().uuidString
        job.attempt = 1
        job.protection = UUID().uuidString
        job.cycle = 3
        job.kind = .incremental
        job.diskTarget = "vda"
        job.nbdUri = "memory:disk"
        job.bitmapContext = "qemu:dirty-bitmap:backup-vda"
        job.offset = 65_536
        job.length = 1 << 20
        job.bulkEndpoint = "tcp://127.0.0.1:1"
        job.transferToken = Data(repeating: 1, count: 16)
        job.cycleKey = Data(repeating: 2, count: 32)
        job.compression = .automatic
        job.leaseMs = 10_000
        return job
    }

    @Test func aValidJobIsTakenOver() throws {
        let job = try AssignedJob(wire: Self.valid())
        #expect(job.range == 65_536..<65_536 + 1 << 20)
        #expect(job.kind == .incremental(bitmapContext: "qemu:dirty-bitmap:backup-vda", diverged: []))
        #expect(job.identifierBytes.count == 16)
    }

    private static func range(_ offset: UInt64, _ length: UInt64) -> JobRange {
        var range = JobRange()
        range.offset = offset
        range.length = length
        return range
    }

    @Test func rangesThatAreSentAnywayAreTakenOver() throws {
        var wire = Self.valid()
        wire.diverged = [Self.range(65_536, 512), Self.range(1 << 20, 65_536)]
        let job = try AssignedJob(wire: wire)
        #expect(
            job.kind
                == .incremental(
                    bitmapContext: "qemu:dirty-bitmap:backup-vda",
                    diverged: [65_536..<66_048, 1 << 20..<(1 << 20) + 65_536]))
    }

    /// One wrong field each.
    static let wrong: [@Sendable (inout TransferJob) -> Void] = [
        { $0.job = "no UUID" }, { $0.attempt = 0 }, { $0.kind = .unspecified }, { $0.kind = .UNRECOGNIZED(99) },
        { $0.bitmapContext = "" }, { $0.compression = .unspecified }, { $0.diskIndex = 70_000 }, { $0.length = 0 },
        { $0.length = .max }, { $0.offset = 512 }, { $0.offset = .max }, { $0.transferToken = Data([1]) },
        { $0.diverged = [range(0, 512)] }, { $0.diverged = [range(65_536, 2 << 20)] },
        { $0.diverged = [range(131_072, 512), range(65_536, 512)] }, { $0.diverged = [range(65_536, 0)] },
        { $0.diverged = [range(.max, 512)] }, { $0.cycleKey = Data() }, { $0.nbdUri = "" }, { $0.bulkEndpoint = "" },
        { $0.leaseMs = 0 },
    ]

    @Test(arguments: wrong.indices)
    func oneWrongFieldIsRefused(index: Int) {
        var job = Self.valid()
        Self.wrong[index](&job)
        #expect { try AssignedJob(wire: job) } throws: { ($0 as? RemoteError)?.code == .invalidArgument }
    }
}
