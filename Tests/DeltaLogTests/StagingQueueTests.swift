import Testing

@testable import DeltaLog

@Suite struct StagingQueueTests {
    private func filled(_ queue: inout StagingQueue) -> StagingBuffer {
        let buffer = StagingBuffer()
        queue.adopt(buffer)
        return buffer
    }

    @Test func aLogOwnsNoMoreBuffersThanItMay() throws {
        var queue = StagingQueue()
        for _ in 0..<DeltaLogLimits.stagingBuffersPerLog {
            guard case .another = try queue.requestBuffer() else {
                Issue.record("the log may own more")
                return
            }
            _ = filled(&queue)
        }
        guard case .wait = try queue.requestBuffer() else {
            Issue.record("the log owns as many as it may")
            return
        }
    }

    @Test func aThreadIsWantedForEachBufferThatWouldWait() {
        var queue = StagingQueue()
        for _ in 0..<2 {
            let wantsThread = queue.submit(filled(&queue))
            #expect(wantsThread)
        }
        guard case .write(let buffer)? = queue.next() else {
            Issue.record("a buffer waits")
            return
        }
        queue.written(buffer, failure: nil)
        let wantsThread = queue.submit(buffer)
        #expect(!wantsThread, "two threads serve two buffers")
        #expect(!queue.isDrained)
    }

    @Test func threadsStopOnlyWhenAllIsWritten() {
        var queue = StagingQueue()
        _ = queue.submit(filled(&queue))
        queue.close()
        guard case .write(let buffer)? = queue.next() else {
            Issue.record("a buffer waits")
            return
        }
        queue.written(buffer, failure: nil)
        guard case .stop? = queue.next() else {
            Issue.record("nothing is left")
            return
        }
        #expect(queue.isDrained)
        let owned = queue.takeOwned()
        #expect(owned.count == 1)
    }

    @Test func afterAFailureNothingMoreIsWritten() {
        var queue = StagingQueue()
        _ = queue.submit(filled(&queue))
        _ = queue.submit(filled(&queue))
        guard case .write(let first)? = queue.next() else {
            Issue.record("a buffer waits")
            return
        }
        queue.written(first, failure: DeltaLogError(.noSpace, "full"))
        queue.fail(DeltaLogError(.inputOutput, "later"))
        let next = queue.next()
        guard case nil = next else {
            Issue.record("nothing is written after a failure")
            return
        }
        #expect(queue.free.count == 2)
        expectCode(.noSpace) { try queue.requestBuffer() }
    }

    @Test func theProcessHasABoundBeyondTheFirstBufferOfEachLog() {
        let budget = StagingBudget(buffers: 2, kept: 1)
        let firsts = [budget.takeFirst(), budget.takeFirst(), budget.takeFirst()]
        let more = [budget.takeAnother(), budget.takeAnother()].compactMap(\.self)
        #expect(more.count == 2 && budget.takeAnother() == nil)
        budget.giveBack([firsts[0]])
        #expect(budget.takeAnother() == nil)
        budget.giveBack([firsts[1]] + more)
        #expect(budget.takeAnother() != nil)
    }
}
