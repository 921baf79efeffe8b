import Foundation
import LocalSites
import Messages
import TestGuest
import Testing

/// Every service is killed outright at steps of every kind of run, with a real guest that goes from side to side
/// meanwhile. The run ends as it would have, or is taken back whole, saying why; then it is asked for again.
///
/// Each lap goes once through all kinds, with one kill in each run. `BASCULE_KILLS=all` makes as many laps as the run
/// with most steps needs, of about two minutes each; a number makes so many. What is killed inside every single step of every
/// service, and before and after what it stores, is in SimulationTests/RunKillTests, without processes.
@Suite(.serialized, .enabled(if: Prerequisites.met, "\(Prerequisites.missing ?? "")"))
struct ServiceKillTests {
    private static let wish = ProcessInfo.processInfo.environment["BASCULE_KILLS"] ?? ""
    private static let laps = wish == "all" ? 80 : Int(wish) ?? 1

    @Test(.timeLimit(.minutes(laps * 5 + 5)))
    func servicesAreKilledInTheMiddleOfRuns() async throws {
        try await Scenario.run(
            "fk", disks: [64 << 20], recordsPerSecond: 100, recordAreaBytes: 32 << 20, orchestrator: true
        ) { two, guest in
            try await two.setFencing(.shutDown)
            let protection = try await two.client.protect(guest.name).id
            try await two.client.waitForPoint(after: 6, of: protection, within: .seconds(90))
            let journey = KilledJourney(two: two, guest: guest, protection: protection)
            for lap in 0..<Self.laps {
                try await journey.lap(lap)
                try await two.quiesce(protection)
                let (compared, faults) = try await two.comparePoints(
                    of: protection, disks: ["vda"], after: journey.homeSince)
                #expect(faults == [] && !compared.isEmpty)
                #expect(try await Leftovers.find(of: guest, in: two.sites, protection: protection) == [])
                try await two.client.changeState(protection, to: .protected)
                try await two.freshPoint(of: protection)
            }
            print("\(journey.kills) kills in \(Self.laps) laps, \(journey.takenBack) of them had the run taken back")
            #expect(journey.kills == Self.laps * KilledJourney.runsPerLap)
            #expect(journey.takenBack * 3 < journey.kills)
            #expect(guest.console.writeErrors == [])
        }
    }
}
