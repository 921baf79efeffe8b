import Foundation
import MessageBus
import Messages
import Synchronization
import Testing

@testable import OperatorCLI

/// `bascule policy`, and schedules of bandwidth.
@Suite struct PolicyCommandTests {
    @Test func policySetChangesOnlyWhatIsGiven() async throws {
        let put = Mutex<ReplicationPolicy?>(nil)
        try await ScriptedServices.run(policy: { request in
            switch request {
            case .listPolicies:
                var record = PolicyRecord(name: "gold")
                record.frequencySeconds = 300
                record.version = 4
                var list = PolicyList()
                list.policies = [record.wire]
                return .policies(list)
            case .putPolicy(let order):
                #expect(order.expectedVersion == 4)
                put.withLock { $0 = order.policy }
                return .policy(order.policy)
            default: throw ScriptedServices.unexpected
            }
        }) { services in
            #expect(await services.bascule("policy", "set", "gold", "--bandwidth", "20M") == .ok)
            let policy = try #require(put.withLock { $0 })
            #expect(policy.frequencySeconds == 300)
            #expect(policy.bandwidthBytesPerSecond == 20 << 20)
            #expect(await services.bascule("policy", "set", "gold", "--frequency", "0") == .usage)
            #expect(await services.bascule("policy", "show", "silver") == .notFound)
        }
    }

    @Test func aScheduleOfBandwidthIsGivenInDaysAndHours() async throws {
        let put = Mutex<ReplicationPolicy?>(nil)
        try await ScriptedServices.run(policy: { request in
            switch request {
            case .listPolicies: return .policies(PolicyList())
            case .putPolicy(let order):
                put.withLock { $0 = order.policy }
                return .policy(order.policy)
            default: throw ScriptedServices.unexpected
            }
        }) { services in
            let console = RecordingConsole()
            #expect(
                await services.bascule(
                    "policy", "set", "day", "--bandwidth-at", "mon-fri 8-18 5MiB", "--bandwidth-at",
                    "sat,sun 22:30-06:00 unlimited", "--time-zone", "Europe/Berlin", console: console) == .ok)
            let policy = try #require(put.withLock { $0 })
            #expect(policy.bandwidthSchedule.map(\.weekdays) == [31, 96])
            #expect(policy.bandwidthSchedule.map(\.fromMinute) == [480, 1_350])
            #expect(policy.bandwidthSchedule.map(\.toMinute) == [1_080, 360])
            #expect(policy.bandwidthSchedule.map(\.bytesPerSecond) == [5 << 20, 0])
            #expect(policy.timeZone == "Europe/Berlin")
            #expect(
                console.said.output.contains(
                    "  bandwidth at other hours: Mon–Fri 08:00–18:00 5.0 MiB/s; Sat, Sun 22:30–06:00 unlimited (Europe/Berlin)"
                ), "\(console.said.output)")
            #expect(await services.bascule("policy", "set", "day", "--bandwidth-at", "always 5MiB") == .usage)
        }
    }

    @Test(arguments: [
        "mon 8-18", "noday 8-18 5M", "mon 25-26 5M", "mon 8-8 5M", "mon 24-8 5M", "mon 8-0 5M", "mon-tue-wed 8-9 5M",
        "mon 8:60-9 5M", "mon 8-9 5X", "mon, 8-9 5M", "",
    ]) func aWindowThatCannotBeMeantIsRefused(text: String) throws {
        let error = try #require(throws: OperatorError.self) { try BandwidthWindowRecord(parsing: text) }
        #expect(error.code == .usage && !error.remedy.isEmpty)
    }

    @Test func windowsReadAsTheyWereMeantAndComeBackFromTheWire() throws {
        for (text, days) in [
            ("daily 0-24 1G", BandwidthWindowRecord.Day.allCases), ("sat-mon 8-9 5M", [.mon, .sat, .sun]),
            ("FRI 08:00-09:30 5M", [.fri]),
        ] {
            let window = try BandwidthWindowRecord(parsing: text)
            #expect(window.days == days)
            #expect(BandwidthWindowRecord(wire: window.wire) == window)
        }
        #expect(try BandwidthWindowRecord(parsing: "daily 0-24 1G").words == "daily 00:00–24:00 1.0 GiB/s")
    }
}
