import Sealing
import Testing

@testable import DeltaLog

/// What a crash leaves at each point of Format.md, "Writing": no log at all until the trailer's block is whole.
@Suite struct CrashOutcomeTests {
    let fixture: LogFixture
    let target = ScriptedTarget()

    init() throws { fixture = try LogFixture() }

    private func writer() throws -> DeltaLogWriter {
        try DeltaLogWriter.create(
            path: fixture.path("log"), header: fixture.header(), guest: fixture.guest,
            replicaKey: fixture.replicaKey, createFile: { _ in target })
    }

    private func appendPieces(_ count: Int, to writer: DeltaLogWriter) throws {
        var sealer = try RecordSealer(key: writer.cycleKey, attempt: 1, preference: .none)
        for index in 0..<count {
            let bytes = DiskWrite.pattern(UInt64(index), count: 512 << 10)
            let record = try sealer.sealData(disk: 0, offset: UInt64(index) << 20, bytes: bytes.span.bytes)
            try writer.append(record: record.span.bytes, attempt: 1)
        }
        _ = try writer.finishAttempt(1)
    }

    /// The file as it would be after some of the steps, the last write perhaps torn.
    private func image(after steps: some Sequence<ScriptedTarget.Step>, tornAt: Int? = nil) -> [UInt8] {
        var image: [UInt8] = []
        func lengthen(to count: Int) {
            if image.count < count { image += [UInt8](repeating: 0, count: count - image.count) }
        }
        for step in steps {
            switch step {
            case .write(let position, let bytes):
                lengthen(to: Int(position) + bytes.count)
                image.withUnsafeMutableBytes { $0[Int(position)...].copyBytes(from: bytes) }
            case .truncate(let count):
                lengthen(to: Int(count))
                image.removeSubrange(Int(count)...)
            case .synchronize: break
            }
        }
        if let tornAt { image.replaceSubrange(tornAt..., with: repeatElement(0, count: image.count - tornAt)) }
        return image
    }

    @Test func nothingButAllOfTheStepsGivesALog() throws {
        let writer = try writer()
        try appendPieces(9, to: writer)
        _ = try writer.commit(attempts: [1])
        let steps = target.steps
        guard case .write(let trailerPosition, let block) = steps[steps.count - 2] else {
            Issue.record("the trailer's block is the last write")
            return
        }
        #expect(steps[steps.count - 3] == .synchronize && steps[steps.count - 1] == .synchronize)
        for count in 0..<steps.count - 2 {
            #expect(throws: DeltaLogError.self, "after \(count) steps") {
                try fixture.readAll(image(after: steps.prefix(count)))
            }
        }
        for sector in 0..<block.count / 512 {
            let torn = image(after: steps, tornAt: Int(trailerPosition) + sector * 512)
            #expect(throws: DeltaLogError.self, "torn at sector \(sector)") { try fixture.readAll(torn) }
        }
        try fixture.readAll(image(after: steps))
    }

    @Test func aFullFileSystemEndsTheLog() throws {
        target.failWrites(from: 3 << 20)
        let writer = try writer()
        expectCode(.noSpace) { try appendPieces(60, to: writer) }
        expectCode(.noSpace) { try appendOneMore(to: writer) }
        expectCode(.noSpace) { try writer.commit(attempts: []) }
        expectCode(.closed) { try writer.commit(attempts: []) }
        writer.abort()
        writer.abort()
        #expect(!target.steps.contains(.synchronize))
    }

    /// The failure shows at the commit where everything fitted the buffers.
    @Test func aFullFileSystemIsNoticedAtTheCommitToo() throws {
        target.failWrites(from: 0)
        let writer = try writer()
        try appendPieces(1, to: writer)
        expectCode(.noSpace) { try writer.commit(attempts: [1]) }
        writer.abort()
    }

    private func appendOneMore(to writer: DeltaLogWriter) throws {
        var sealer = try RecordSealer(key: writer.cycleKey, attempt: 2, preference: .none)
        for index in 0..<60 {
            let bytes = [UInt8](repeating: 1, count: 1 << 20)
            let record = try sealer.sealData(disk: 1, offset: UInt64(index) << 20, bytes: bytes.span.bytes)
            try writer.append(record: record.span.bytes, attempt: 2)
        }
    }
}
