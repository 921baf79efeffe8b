import Hypervisor
import Logging
import Testing

@testable import HostAgent

/// Every cell of “Side (host agent)” in Protocol.md, at generation 5.
@Suite struct SideTableTests {
    private typealias Order = SideStateMachine.Order

    private enum State: String, CaseIterable { case unknown, active, passive }

    private enum Message: String, CaseIterable {
        case newer = "newer `SetSide` or duty"
        case sameSide = "same generation, same side"
        case otherSide = "same generation, other side"
        case older
        case work = "`OpenCapture`, `StartGuest`"
        case startReplica = "`StartReplica` FAILOVER"
        case stop = "`StopGuest`, `DescribeSide`"
        case adopt = "`AdoptDisks`"
    }

    private static let logger = Logger(label: "sides") { _ in SwiftLogNoOpLogHandler() }

    private static func order(
        _ generation: UInt64, _ standing: SideStateMachine.Standing
    ) -> Order {
        Order(guest: "g", generation: generation, standing: standing, activeHost: "b")
    }

    private static func standing(_ state: State) -> SideStateMachine.Standing {
        state == .active ? .active : .passive(.alarm)
    }

    private func with(
        _ state: State, _ body: (SideRole) async throws -> String
    ) async throws -> String {
        try await withTemporaryDirectory { directory in
            let role = SideRole(
                store: try AgentStore(path: "\(directory)/agent.sqlite"), hypervisor: InMemoryHypervisor(),
                logger: Self.logger)
            if state != .unknown { try await role.set("p", Self.order(5, Self.standing(state))) }
            return await Told.outcome { try await body(role) }
        }
    }

    @Test func everyCellIsWhatHappens() async throws {
        try await Told.expectTable("### Side (host agent)", rows: State.self, columns: Message.self) { state, message in
            switch message {
            case .newer: try await newer(state)
            case .sameSide: state == .unknown ? "–" : try await same(state)
            case .otherSide:
                state == .unknown ? "–" : try await told(state, Self.order(5, Self.other(state)), "logged, ignored")
            case .older:
                state == .unknown ? "–" : try await told(state, Self.order(4, Self.other(state)), "ignored")
            case .work: try await work(state)
            case .startReplica: try await start(state)
            // Nothing of the side is asked for these.
            case .stop: "carried out"
            case .adopt:
                try await with(state) {
                    try await $0.requirePassive("p", generation: 5)
                    return "carried out when the guest is off"
                }
            }
        }
    }

    private static func other(_ state: State) -> SideStateMachine.Standing {
        state == .active ? .passive(.shutDown) : .active
    }

    /// By command and by duty, of either side.
    private func newer(_ state: State) async throws -> String {
        for standing in [SideStateMachine.Standing.active, .passive(.disconnect)] {
            let byCommand = try await with(state) {
                try await $0.set("p", Self.order(6, standing))
                return "\(await $0.side(of: "p")?.standing == standing)"
            }
            let byDuty = try await with(state) {
                await $0.take(["p": Self.order(6, standing)], seeing: [:])
                return "\(await $0.side(of: "p")?.standing == standing)"
            }
            guard (byCommand, byDuty) == ("true", "true") else { return "not learned: \(byCommand), \(byDuty)" }
        }
        return "learned"
    }

    private func same(_ state: State) async throws -> String {
        let again = try await with(state) {
            try await $0.set("p", Self.order(5, Self.standing(state)))
            return "`done`"
        }
        guard state == .passive else { return again }
        let fence = try await with(state) {
            try await $0.set("p", Self.order(5, .passive(.shutDown)))
            return await $0.side(of: "p")?.standing == .passive(.shutDown) ? "taken over" : "not taken over"
        }
        return "\(again); another fence action is \(fence)"
    }

    /// By a command, and by a duty, which never changes anything here.
    private func told(_ state: State, _ order: Order, _ byDuty: String) async throws -> String {
        let byCommand = try await with(state) {
            try await $0.set("p", order)
            return "`done`"
        }
        let ignored = try await with(state) {
            let before = await $0.side(of: "p")
            await $0.take(["p": order], seeing: [:])
            return await $0.side(of: "p") == before ? byDuty : "learned"
        }
        return "\(byCommand); a duty: \(ignored)"
    }

    private func work(_ state: State) async throws -> String {
        func answer(_ generation: UInt64) async throws -> String {
            try await with(state) {
                try await $0.requireActive("p", generation: generation)
                return "carried out"
            }
        }
        #expect(try await answer(6) == answer(5), "a newer generation in a command changes nothing")
        let (now, older) = (try await answer(5), try await answer(4))
        return now == older ? now : "\(now); older than g: \(older)"
    }

    /// Into a start for good, as its role asks: whether it may, and then that it is the active side.
    private func start(_ state: State) async throws -> String {
        func answer(_ generation: UInt64) async throws -> String {
            try await with(state) {
                let before = await $0.side(of: "p")
                try await $0.requireStart("p", generation: generation)
                try await $0.activate("p", guest: "g", generation: generation)
                let after = await $0.side(of: "p")
                guard after != before else { return "carried out" }
                return after?.isActive == true && after?.generation == generation
                    ? "learned as active, carried out" : "\(String(describing: after))"
            }
        }
        let (newer, now, older) = (try await answer(6), try await answer(5), try await answer(4))
        switch state {
        case .unknown:
            #expect(newer == now && older == now)
            return now
        case .active:
            // A newer one is learned, and is the same side.
            #expect(newer == "learned as active, carried out")
            return "\(now); older than g: \(older)"
        case .passive: return "newer than g: \(newer); g: \(now); older: \(older)"
        }
    }
}
