import Testing

@testable import HostAgent

/// Every cell of “Started replica (host agent)” in Protocol.md that the value decides. What is left is the driver's: a
/// guest on its own disks, the work of a commit, and what a replica's deletion looks at; `driver` names where it is shown.
@Suite struct StartedTableTests {
    private enum State: String, CaseIterable {
        case nothing
        case starting = "starting (interrupted)"
        case running, committing
        case committed = "committed; on plain files"
        case returning = "returning (interrupted)"
        case stopping = "stopping (interrupted)"
        case ownDisks = "on its own disks"
    }

    private enum Message: String, CaseIterable {
        case startSame = "`StartReplica` same point"
        case startOther = "`StartReplica` other point"
        case stop = "`StopReplica`"
        case commit = "`CommitReplica`"
        case adopt = "`AdoptDisks`"
        case delete = "`DeleteReplica`"
    }

    private static let guest = StartedGuest(
        uuid: "g", name: "guest", cycle: 4, startMilliseconds: 12, runningUnixMilliseconds: 34, warnings: [])

    private static func adoption(_ cycle: UInt64) throws -> Adoption {
        try Adoption(cycle: cycle, isDiverged: false, disks: [], definition: "<domain/>")
    }

    /// Phases that a row stands for; none: nothing is recorded.
    private func phases(_ state: State) throws -> [StartedReplica.Phase?] {
        switch state {
        case .nothing, .ownDisks: [nil]
        case .starting: [.starting]
        case .running: [.running(Self.guest)]
        case .committing: [.committing(Self.guest)]
        case .committed: [.committed(Self.guest), .plain(Self.guest)]
        case .returning: [.returning(Self.guest, try Self.adoption(9))]
        case .stopping: [.stopping]
        }
    }

    /// Phases of one row are answered alike.
    private func each(_ state: State, _ body: (StartedReplica?) throws -> String) throws -> String {
        let answers = try phases(state).map { phase in
            let known = phase.map {
                StartedReplica(
                    order: .init(purpose: .failover, cycle: 4, generation: 2), guest: "g", guestName: "guest",
                    viewSocket: "/s", phase: $0)
            }
            return Told.outcome { try body(known) }
        }
        #expect(Set(answers).count == 1, "\(answers)")
        return answers[0]
    }

    @Test func everyCellIsWhatHappens() async throws {
        try await Told.expectTable(
            "### Started replica (host agent)", rows: State.self, columns: Message.self
        ) { state, message in
            switch (state, message) {
            // AgentOwnDisksTests, AgentFailoverCrashTests.
            case (.ownDisks, .startSame): "the same generation and point: the same answer"
            case (.ownDisks, .startOther): "older: `STALE_GENERATION`"
            case (.ownDisks, .stop): "`FAILED_PRECONDITION`"
            case (.ownDisks, .commit): "`NOT_FOUND`"
            case (.ownDisks, .adopt): "as with nothing"
            case (.ownDisks, .delete): "`done`"
            case (.nothing, .startSame): "\(try start(4, state)); no such point: `NOT_FOUND`"
            case (_, .startSame): try start(4, state)
            case (_, .startOther): try start(5, state)
            case (.running, .stop): "\(try stop(state)); its writes are lost"
            case (_, .stop): try stop(state)
            // The work goes on already: see ReplicaWorkTests.
            case (.committing, .commit) where try commit(state) == "begins": "how far it is"
            case (_, .commit): try commit(state)
            case (.nothing, .adopt):
                "makes the guest's own disks a replica's base; a replica that is so already: `done`; another one: "
                    + "`CONFLICT`"
            case (.committing, .adopt): "`UNAVAILABLE`"
            case (.returning, .adopt): "the same cycle: \(try adopt(9, state)); another: \(try adopt(10, state))"
            case (_, .adopt): try adopt(9, state)
            // AgentStartedReplicaTests.
            case (.nothing, .delete): "deletes"
            case (_, .delete): "`FAILED_PRECONDITION`"
            }
        }
    }

    private func start(_ cycle: UInt64, _ state: State) throws -> String {
        try each(state) { known in
            switch try StartedReplica.start(.init(purpose: .failover, cycle: cycle, generation: 2), upon: known) {
            case .begin: "starts"
            case .goOn: "goes on"
            case .removeThenBegin: "removes, starts"
            case .answer(let guest): guest == Self.guest ? "the same answer" : "another answer"
            }
        }
    }

    private func stop(_ state: State) throws -> String {
        try each(state) { known in
            switch try StartedReplica.stop(known) {
            case .nothing: "`done`"
            case .remove: "removes"
            case .forgetIfOff: "forgets"
            }
        }
    }

    private func commit(_ state: State) throws -> String {
        try each(state) { known in
            switch try StartedReplica.commit(known) {
            case .settle: "begins"
            case .nothing: "finished"
            }
        }
    }

    private func adopt(_ cycle: UInt64, _ state: State) throws -> String {
        try each(state) { known in
            let asked = try Self.adoption(cycle)
            let (guest, adoption) = try StartedReplica.adopt(try #require(known), asked)
            #expect(guest == Self.guest)
            return adoption == asked ? "takes what the guest wrote into the base" : "goes on"
        }
    }
}
