import Testing

@testable import BlockDevice

struct BlockStatusTests {
    private typealias Entry = BlockStatus.Entry
    private let allocation = BlockContext.allocation
    private let bitmap = BlockContext.dirtyBitmap("b")

    @Test func withoutABitmapEverythingIsCovered() throws {
        let status = BlockStatus(
            offset: 100,
            contexts: [allocation: [.init(length: 50, flags: 0), .init(length: 30, flags: 3)]])
        let page = try status.page(upTo: 180, bitmapContext: nil, limit: 10)
        #expect(page.end == 180)
        #expect(
            page.extents == [
                .init(offset: 100, length: 50, kind: .data), .init(offset: 150, length: 30, kind: .zero),
            ])
    }

    @Test func dirtyStretchesAreSplitByAllocation() throws {
        let status = BlockStatus(
            offset: 0,
            contexts: [
                allocation: [.init(length: 40, flags: 0), .init(length: 60, flags: 3)],
                bitmap: [.init(length: 20, flags: 0), .init(length: 50, flags: 1), .init(length: 30, flags: 0)],
            ])
        let page = try status.page(upTo: 100, bitmapContext: bitmap, limit: 10)
        #expect(page.end == 100)
        #expect(
            page.extents == [
                .init(offset: 20, length: 20, kind: .data), .init(offset: 40, length: 30, kind: .zero),
            ])
    }

    @Test func aHoleThatDoesNotReadAsZerosIsData() throws {
        let status = BlockStatus(offset: 0, contexts: [allocation: [.init(length: 10, flags: 1)]])
        #expect(try status.page(upTo: 10, bitmapContext: nil, limit: 1).extents.first?.kind == .data)
    }

    @Test func thePageEndsWhereTheShortestAnswerDoes() throws {
        let status = BlockStatus(
            offset: 0,
            contexts: [
                allocation: [.init(length: 1_000, flags: 0)],
                bitmap: [.init(length: 64, flags: 1), .init(length: 64, flags: 0)],
            ])
        let page = try status.page(upTo: 1_000, bitmapContext: bitmap, limit: 10)
        #expect(page == ChangedExtentPage(extents: [.init(offset: 0, length: 64, kind: .data)], end: 128))
    }

    @Test func anAnswerBeyondTheQuestionIsCut() throws {
        let status = BlockStatus(offset: 0, contexts: [allocation: [.init(length: 1_000, flags: 0)]])
        #expect(try status.page(upTo: 10, bitmapContext: nil, limit: 10).end == 10)
    }

    @Test func aFullPageEndsWithItsLastExtent() throws {
        let status = BlockStatus(
            offset: 0, contexts: [allocation: (0..<10).map { .init(length: 10, flags: $0 % 2 == 0 ? 0 : 3) }])
        let page = try status.page(upTo: 100, bitmapContext: nil, limit: 3)
        #expect(page.extents.count == 3)
        #expect(page.end == 30)
    }

    @Test(arguments: [
        [:], [BlockContext.allocation: []], [BlockContext.allocation: [BlockStatus.Entry(length: 0, flags: 0)]],
    ])
    func anAnswerThatDoesNotMoveOnIsRefused(contexts: [String: [BlockStatus.Entry]]) {
        let status = BlockStatus(offset: 0, contexts: contexts)
        #expect { try status.page(upTo: 10, bitmapContext: nil, limit: 3) } throws: {
            ($0 as? BlockDeviceError)?.code == .invalidReply
        }
    }
}
