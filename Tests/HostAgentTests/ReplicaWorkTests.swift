import Testing

@testable import HostAgent

/// What is told of long work, and how often.
@Suite struct ReplicaWorkTests {
    private let folded = ReplicaWork.Progress(doneBytes: 7, totalBytes: 7)

    private func isUnderWay(_ outcome: ReplicaWork.Outcome?) -> Bool {
        if case .underWay = outcome { true } else { false }
    }

    private func isUnknown(_ outcome: ReplicaWork.Outcome?) -> Bool {
        if case nil = outcome { true } else { false }
    }

    private func finished(_ outcome: ReplicaWork.Outcome?) -> ReplicaWork.Progress? {
        if case .finished(let progress) = outcome { progress } else { nil }
    }

    @Test func anEndIsToldOnceWithWhatWasDone() throws {
        let work = ReplicaWork()
        #expect(isUnderWay(try work.begin(.commit, "p")))
        work.note(.finished(folded), of: "p")
        #expect(finished(try work.begin(.commit, "p")) == folded)
        #expect(isUnderWay(try work.begin(.commit, "p")))
    }

    /// A guest is committed before the work that did it has ended, so what is left is to tell how it ended.
    @Test func workThatNeedsNoBeginningTellsItsEndOnce() throws {
        let work = ReplicaWork()
        #expect(isUnknown(work.ending(.commit, "p")))
        _ = try work.begin(.commit, "p")
        #expect(isUnderWay(work.ending(.commit, "p")))
        work.note(.finished(folded), of: "p")
        #expect(finished(work.ending(.commit, "p")) == folded)
        #expect(isUnknown(work.ending(.commit, "p")))
    }

    @Test func howOtherWorkEndedIsNotTold() throws {
        let work = ReplicaWork()
        _ = try work.begin(.prepare, "p")
        work.note(.finished(folded), of: "p")
        #expect(isUnknown(work.ending(.commit, "p")))
        #expect(finished(work.ending(.prepare, "p")) == folded)
    }
}
