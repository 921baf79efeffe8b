import Testing

@testable import Policy

/// The slot that is kept for small cycles where a slow link, and no limit, keeps the jobs of others for long.
extension JobBoardTests {
    /// What passes between the sites in a second, and of it one job at most.
    private struct Link {
        var bytesPerSecond: UInt64 = 1 << 40
        var jobBytesPerSecond: UInt64 = 1 << 40
    }

    private struct Run {
        /// Seconds for which each small cycle waited for a slot.
        var waits: [Int64] = []
        /// Bytes of the large one that came.
        var read: UInt64 = 0
    }

    private static let small = ProtectionIdentifier("small")
    private static let large = ProtectionIdentifier("large")

    /// One worker of two slots moves a cycle that does not end and, every ten seconds, a small one, for ten minutes.
    private func run(_ link: Link, _ kind: CycleKind = .full) throws -> Run {
        let bytes = PolicyLimits.jobBytesTarget
        var large = Samples.posting(Self.large, pieces: 400, objective: now + 900_000, bytes: bytes)
        large.kind = kind
        for index in large.pieces.indices { large.pieces[index].length = bytes }
        board.post(large, now: now)
        var run = Run()
        var running: [(grant: JobGrant, read: UInt64)] = []
        var waitsSince: PolicyTime?
        let begun = now
        while now - begun < 600_000 {
            if (now - begun) % 10_000 == 0, board.cycles[Self.small] == nil {
                board.post(Samples.posting(Self.small, objective: now + 1_000), now: now)
                waitsSince = now
            }
            if running.count < 2 { _ = try pull("w1", slots: 2 - running.count) }
            for grant in grants().values.joined() {
                running.append((grant, 0))
                guard grant.posting.protection == Self.small, let since = waitsSince else { continue }
                run.waits.append((now - since) / 1_000)
                waitsSince = nil
            }
            now = now + 1_000
            let share = min(link.jobBytesPerSecond, link.bytesPerSecond / UInt64(max(1, running.count)))
            for index in running.indices.reversed() {
                let grant = running[index].grant
                let read = min(running[index].read + share, grant.piece.changedBytes)
                if grant.posting.protection == Self.large { run.read += read - running[index].read }
                running[index].read = read
                if read == grant.piece.changedBytes {
                    try finish("w1", grant)
                    running.remove(at: index)
                } else {
                    let directive = board.report(report("w1", grant), readBytes: read, sentBytes: read, now: now)
                    #expect(directive != .abandon)
                }
            }
        }
        return run
    }

    @Test(arguments: [1, 4, 16] as [UInt64], [CycleKind.full, .incremental])
    func `over a slow link first and large cycles leave a slot to small ones`(
        megabytes: UInt64, kind: CycleKind
    ) throws {
        let run = try run(Link(bytesPerSecond: megabytes << 20), kind)
        #expect(run.waits.count == 60 && run.waits.max() == 0)
        #expect(run.read >= (megabytes << 20) * 600 / 10 * 9, "the link is full as before")
    }

    @Test func `where jobs are short first cycles have every slot`() throws {
        let run = try run(Link(jobBytesPerSecond: 30 << 20))
        #expect(run.read >= 2 * (30 << 20) * 600 / 10 * 8)
    }
}
