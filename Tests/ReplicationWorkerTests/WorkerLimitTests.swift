import Messages
import Testing

@testable import ReplicationWorker

/// How fast a job goes: no faster than its share, as the job board says it at first and with every report.
@Suite struct WorkerLimitTests {
    @Test func aJobGoesNoFasterThanItsShare() async throws {
        let share: UInt64 = 200_000
        try await WorkerStage.use { stage in
            var directive = JobDirective()
            directive.bandwidthBytesPerSecond = share
            stage.policy.direct(directive)
            var job = stage.job
            job.bandwidthBytesPerSecond = share
            let begun = ContinuousClock.now
            stage.policy.put(job)
            try await poll("the job is finished") { !stage.policy.heard.finished.isEmpty }
            let seconds = (ContinuousClock.now - begun) / .seconds(1)
            let sent = stage.policy.heard.finished[0].sentBytes
            #expect(sent > 600_000, "random bytes do not pack")
            // A tenth of a second's worth goes at once.
            #expect(Double(sent) <= Double(share) * (seconds + 0.1), "\(sent) bytes in \(seconds) s")
        }
    }

    /// The first record alone would take minutes at the first share.
    @Test func aRaisedShareHoldsForTheRecordThatWaits() async throws {
        try await WorkerStage.use { stage in
            var job = stage.job
            job.bandwidthBytesPerSecond = 1_000
            stage.policy.put(job)
            try await poll("it reports, and is told that there is no limit") { !stage.policy.heard.reports.isEmpty }
            try await poll("the job is finished") { !stage.policy.heard.finished.isEmpty }
        }
    }

    /// The whole would take thirteen seconds at the first share; a worker that kept to it would have finished by then.
    @Test func aLoweredShareHoldsFromTheNextReportOn() async throws {
        try await WorkerStage.use { stage in
            var directive = JobDirective()
            directive.bandwidthBytesPerSecond = 1_000
            stage.policy.direct(directive)
            var job = stage.job
            job.bandwidthBytesPerSecond = 50_000
            stage.policy.put(job)
            try await poll("it has reported for seventeen seconds") { stage.policy.heard.reports.count >= 17 }
            #expect(stage.policy.heard.finished.isEmpty, "it went on as before")
            var abandon = JobDirective()
            abandon.abandon = true
            stage.policy.direct(abandon)
            try await poll("it gives up") { stage.policy.heard.pulls.last?.freeSlots == 2 }
        }
    }
}
