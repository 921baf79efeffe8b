import Testing

@testable import HostAgent

/// A guest that was told to shut down and is wanted on again, as a value.
@Suite struct LateShutdownTests {
    private typealias Seen = SideStateMachine.Observation

    private static let limit = HostAgentLimits.lateShutdownMilliseconds

    private func order(_ generation: UInt64, _ standing: SideStateMachine.Standing) -> SideStateMachine.Order {
        SideStateMachine.Order(guest: "g", generation: generation, standing: standing)
    }

    private func on(_ run: UInt32, at time: Int64 = 1_000) -> Seen {
        Seen(power: .on, autostart: false, run: run, unixMilliseconds: time)
    }

    private func off(at time: Int64 = 1_000, isBase: Bool = false) -> Seen {
        Seen(power: .off, autostart: false, isBase: isBase, unixMilliseconds: time)
    }

    /// An active side whose guest was told to shut down in run 7, and was then wanted on at 1 s.
    private func wanted() -> SideStateMachine {
        var side = SideStateMachine(order(3, .active))
        side.willShutDown(on(7))
        side.wantsOn(on(7))
        return side
    }

    @Test func itIsStartedAgainWhenItGoesOffInTime() {
        for time in [1_000, 1_000 + Self.limit] {
            var side = wanted()
            #expect(side.act(on: on(7, at: time)) == [])
            #expect(side.act(on: off(at: time)) == [.startAgain])
            #expect(side.takesLateStart(off(at: time)) == true)
            side.did(.startAgain)
            // Once: whoever shuts it down now means it.
            #expect(side.act(on: off(at: time)) == [])
            #expect(side.lateShutdown == .none)
        }
    }

    @Test func afterThatTimeItStaysOff() {
        for time in [1_001 + Self.limit, -1] {
            var side = wanted()
            #expect(side.act(on: off(at: time)) == [])
            #expect(side.takesLateStart(off(at: time)) == false)
        }
    }

    @Test func itStaysOffWhenNobodyWantedItOnOrNobodyToldItToShutDown() {
        var told = SideStateMachine(order(3, .active))
        told.willShutDown(on(7))
        #expect(told.act(on: off()) == [])
        var never = SideStateMachine(order(3, .active))
        never.wantsOn(on(7))
        #expect(never.act(on: off()) == [])
        // It was another run that was told.
        var another = SideStateMachine(order(3, .active))
        another.willShutDown(on(6))
        another.wantsOn(on(7))
        #expect(another.act(on: off()) == [])
        #expect(another.lateShutdown == .none)
    }

    @Test func anotherStopTakesTheWishBack() {
        var side = wanted()
        side.willShutDown(on(7))
        #expect(side.lateShutdown == .told(run: 7))
        #expect(side.act(on: off()) == [])
        var isOff = wanted()
        isOff.willShutDown(off())
        #expect(isOff.act(on: off()) == [])
    }

    /// A failover that is cancelled tells the side and then wants its guest on, which the stop before it may still end.
    @Test func anotherSideTakesTheWishBackAndNotWhatWasTold() {
        for standing in [SideStateMachine.Standing.passive(.shutDown), .active] {
            var side = wanted()
            #expect(side.learn(order(4, standing)) == .newer)
            #expect(side.lateShutdown == .told(run: 7))
            #expect(side.act(on: off()) == [])
            #expect(side.takesLateStart(off()) == false)
            side.wantsOn(on(7))
            #expect(side.act(on: off()) == (standing == .active ? [.startAgain] : []))
        }
        var same = wanted()
        #expect(same.learn(order(3, .active)) == .same)
        #expect(same.act(on: off()) == [.startAgain])
    }

    @Test func whatSomebodyElseStartedAndWhatHasToBeBroughtToAPointAreLeftAlone() {
        for seen in [on(8), off(isBase: true)] {
            var side = wanted()
            let actions = side.act(on: seen)
            #expect(actions.contains(.startAgain), "it is looked at once more")
            #expect(side.takesLateStart(seen) == false)
            #expect(side.lateShutdown == .none)
        }
    }
}
