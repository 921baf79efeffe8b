import Testing

@testable import BlockDevice

struct MemoryBlockReaderTests {
    private let block = SparseBytes.blockBytes

    @Test func contentsAreReadBack() async throws {
        var bytes = SparseBytes(sizeBytes: 5 * block + 17)
        bytes.write([1, 2, 3], at: block - 1)
        bytes.write([9], at: 5 * block + 16)
        let reader = MemoryBlockReader(bytes)
        var read: [UInt8] = []
        try await reader.read([0..<reader.sizeBytes], options: ReadOptions(chunkBytes: 8_192)) { offset, chunk in
            #expect(offset == UInt64(read.count))
            read += chunk
        }
        #expect(read == bytes.contents)
    }

    @Test func pagesAreBoundedAndGoOn() async throws {
        var bytes = SparseBytes(sizeBytes: 10 * block)
        for index in stride(from: UInt64(0), to: 10, by: 2) { bytes.write([1], at: index * block) }
        let reader = MemoryBlockReader(bytes, extentsPerPage: 2)
        #expect(try await reader.changedExtents(in: 0..<10 * block, bitmapContext: nil).extents.count == 2)
        var seen: [ChangedExtent] = []
        try await reader.forEachChangedExtent(in: 0..<10 * block, bitmapContext: nil) { seen.append($0) }
        #expect(seen.count == 10)
        #expect(seen.last?.end == 10 * block)
    }

    @Test func aBitmapLimitsTheExtents() async throws {
        var bytes = SparseBytes(sizeBytes: 10 * block)
        bytes.write([1], at: 3 * block)
        let reader = MemoryBlockReader(bytes, dirtyBlocks: ["b": [3, 4, 9]])
        let page = try await reader.changedExtents(in: 0..<10 * block, bitmapContext: "b")
        #expect(
            page.extents == [
                .init(offset: 3 * block, length: block, kind: .data),
                .init(offset: 4 * block, length: block, kind: .zero),
                .init(offset: 9 * block, length: block, kind: .zero),
            ])
    }

    @Test func aWithdrawnExportIsALostConnection() async throws {
        let connector = MemoryBlockReaderConnector()
        connector.export(SparseBytes(sizeBytes: block), at: "memory:a")
        let reader = try await connector.connect(uri: "memory:a", contexts: [])
        connector.withdraw("memory:a")
        await #expect { try await reader.read([0..<10], options: ReadOptions()) { _, _ in } } throws: {
            ($0 as? BlockDeviceError)?.isConnectionLost == true
        }
        await #expect { try await connector.connect(uri: "memory:a", contexts: []) } throws: {
            ($0 as? BlockDeviceError)?.code == .connectFailed
        }
    }
}

struct SparseBytesTests {
    @Test func discardingWholeBlocksGivesThemBack() {
        var bytes = SparseBytes(sizeBytes: 3 * SparseBytes.blockBytes)
        bytes.write([UInt8](repeating: 7, count: Int(bytes.sizeBytes)), at: 0)
        bytes.discard(100..<2 * SparseBytes.blockBytes)
        #expect(bytes.isAllocated(0))
        #expect(!bytes.isAllocated(SparseBytes.blockBytes))
        #expect(bytes.read(99..<101) == [7, 0])
    }

    @Test func aCopyIsASnapshot() {
        var bytes = SparseBytes(sizeBytes: 100)
        let before = bytes
        bytes.write([1], at: 5)
        #expect(before.read(5..<6) == [0])
    }
}

struct BlockingThreadsTests {
    @Test func callsRunAtOnceUpToTheLimitAndAllFinish() async throws {
        let threads = BlockingThreads(name: "test", threads: 2)
        let results = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<50 { group.addTask { try await threads.run { number } } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.sorted() == Array(0..<50))
    }
}
