import Testing

@testable import Policy

@Suite struct ScheduleTests {
    let start = Samples.start

    func schedule(frequency: UInt32 = 30, progress: ProtectionProgress? = nil) -> Schedule {
        Schedule(progress: progress ?? Samples.progress(), settings: Samples.settings(frequency: frequency), now: start)
    }

    @Test func `the first cycle is due at once`() {
        let progress = ProtectionProgress(protection: Samples.protection)
        #expect(schedule(progress: progress).dueAt == start)
    }

    @Test func `the first cycle waits for its time, later ones do not`() {
        var settings = Samples.settings()
        settings.initialNotBeforeUnixSeconds = start.milliseconds / 1_000 + 600
        let first = Schedule(
            progress: ProtectionProgress(protection: Samples.protection), settings: settings, now: start)
        #expect(first.dueAt == start + 600_000)
        let later = Schedule(progress: Samples.progress(), settings: settings, now: start)
        #expect(later.dueAt - start <= 30_000)
    }

    @Test(arguments: [1, 7, 30, 300, 900] as [UInt32])
    func `due times do not drift over a thousand late starts`(frequency: UInt32) {
        var schedule = schedule(frequency: frequency)
        let period = Int64(frequency) * 1_000
        let phase = schedule.dueAt.milliseconds % period
        for step in 0..<1_000 {
            let began = schedule.dueAt + Int64(step % 9)
            schedule.started(at: began)
            schedule.succeeded(asked: .crash, reached: .crash, at: began + 200)
            #expect(schedule.dueAt.milliseconds % period == phase)
            #expect(schedule.dueAt > began)
            #expect(schedule.dueAt - began <= period)
        }
    }

    @Test func `missed times are caught up by one cycle, not by many`() {
        var schedule = schedule(frequency: 1)
        schedule.started(at: start)
        let late = start + 60_500
        #expect(schedule.dueAt <= late)
        schedule.started(at: late)
        #expect(schedule.dueAt > late)
    }

    @Test func `failures wait from one second to sixty, and a success ends it`() {
        var schedule = schedule()
        var waits: [Int64] = []
        for _ in 0..<9 {
            schedule.started(at: start)
            schedule.failed(at: start)
            waits.append(schedule.dueAt - start)
        }
        #expect(waits == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
        schedule.started(at: start)
        schedule.succeeded(asked: .crash, reached: .crash, at: start)
        schedule.failed(at: start)
        #expect(schedule.dueAt - start == 1_000)
    }

    @Test func `an operator's wish overrides waiting`() {
        var schedule = schedule()
        schedule.failed(at: start)
        schedule.hurry(at: start)
        #expect(schedule.dueAt == start)
    }

    @Test func `application consistency is asked for every period, without drift, and sooner after a miss`() {
        var settings = Samples.settings()
        settings.applicationConsistentEverySeconds = 3_600
        var progress = Samples.progress()
        progress.lastApplicationAt = start
        var schedule = Schedule(progress: progress, settings: settings, now: start)
        #expect(schedule.consistency(at: start + 3_599_000) == .crash)
        #expect(schedule.consistency(at: start + 3_600_000) == .application)
        schedule.succeeded(asked: .application, reached: .application, at: start + 3_610_000)
        #expect(schedule.consistency(at: start + 7_199_999) == .crash)
        #expect(schedule.consistency(at: start + 7_200_000) == .application)
        schedule.succeeded(asked: .application, reached: .crash, at: start + 7_200_000)
        #expect(schedule.consistency(at: start + 7_499_999) == .crash)
        #expect(schedule.consistency(at: start + 7_500_000) == .application)
    }

    @Test func `protections of one frequency are not all due at one instant`() {
        let dues = (0..<100).map { number in
            var progress = Samples.progress()
            progress.protection = ProtectionIdentifier("p\(number)")
            return Schedule(progress: progress, settings: Samples.settings(), now: start).dueAt
        }
        #expect(Set(dues).count > 90)
    }

    @Test func `a new frequency counts from the last cycle`() {
        var schedule = schedule(frequency: 900)
        schedule.change(to: Samples.settings(frequency: 5), progress: Samples.progress(), now: start + 1_000)
        #expect(schedule.dueAt - start <= 5_000)
    }

    @Test func `a pause does not bring the first cycle forward`() throws {
        var settings = Samples.settings()
        settings.initialNotBeforeUnixSeconds = start.milliseconds / 1_000 + 600
        var machine = CycleStateMachine(
            entry: Samples.entry(), binding: .known(settings), progress: nil, now: start)
        _ = machine.handle(.listed(Samples.entry(.paused, version: 2), .ordinary), now: start + 1_000)
        _ = machine.handle(.listed(Samples.entry(version: 3), .ordinary), now: start + 2_000)
        #expect(machine.startsAt == start + 600_000)
        _ = machine.handle(.triggered(nil), now: start + 3_000)
        #expect(try #require(machine.startsAt) <= start + 3_000)
    }

    @Test func `a time of a clock that was ahead counts as now`() {
        var settings = Samples.settings()
        settings.applicationConsistentEverySeconds = 3_600
        var progress = Samples.progress()
        progress.lastApplicationAt = start + 366 * 86_400_000
        let schedule = Schedule(progress: progress, settings: settings, now: start)
        #expect(schedule.consistency(at: start + 3_599_999) == .crash)
        #expect(schedule.consistency(at: start + 3_600_000) == .application)
    }
}
