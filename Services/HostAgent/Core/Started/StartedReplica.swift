/// A guest that was started from a replica of this host, from the first step to the last, as a value: requests and what
/// was seen go in, what to do comes out. The driver saves it before it acts, so a killed agent knows what was begun.
///
/// ```
///             start              started            commit               settled            guest seen off
///   nothing ────────► starting ─────────► running ─────────► committing ─────────► committed ─────────────► plain
///      ▲                  │ failed, stop     │ stop
///      │                  ▼                  ▼
///      └── removed ── stopping ◄─────────────┘
/// ```
///
/// `plain`: the guest's overlays lie on the base images, no view is needed any more. `returning`: the other side is the
/// active one now, and AdoptDisks takes the overlays into the base; then there is nothing again.
package struct StartedReplica: Sendable, Equatable {
    package enum Purpose: String, Sendable, Equatable, CaseIterable {
        case test
        case failover
    }

    /// What was asked for.
    package struct Order: Sendable, Equatable {
        package var purpose: Purpose
        package var cycle: UInt64
        package var generation: UInt64
        /// On the base images themselves, which are disks that were adopted.
        package var onBase: Bool

        package init(purpose: Purpose, cycle: UInt64, generation: UInt64, onBase: Bool = false) {
            self.purpose = purpose
            self.cycle = cycle
            self.generation = generation
            self.onBase = onBase
        }
    }

    package enum Phase: Sendable, Equatable {
        case starting
        case running(StartedGuest)
        case committing(StartedGuest)
        case committed(StartedGuest)
        case plain(StartedGuest)
        /// What it wrote is being taken into the base, which is the base of an ordinary replica then.
        case returning(StartedGuest, Adoption)
        case stopping
    }

    package enum StartAction: Sendable, Equatable {
        /// Nothing is there: begin.
        case begin
        /// The same was begun before: do every step again.
        case goOn
        /// Something else was begun and not finished: remove it, then begin.
        case removeThenBegin
        case answer(StartedGuest)
    }

    package enum StopAction: Sendable, Equatable {
        case nothing
        case remove
        /// It was to run on its own disks: only when it is off nothing of it is lost.
        case forgetIfOff
    }

    package enum CommitAction: Sendable, Equatable {
        case settle
        case nothing
    }

    package var order: Order
    /// Of the guest that is started: the protected one's, or one of its own for a test.
    package var guest: String
    package var guestName: String
    /// Where its view is served; empty when it is started on the base.
    package var viewSocket: String
    package var phase: Phase

    package init(order: Order, guest: String, guestName: String, viewSocket: String, phase: Phase = .starting) {
        self.order = order
        self.guest = guest
        self.guestName = guestName
        self.viewSocket = viewSocket
        self.phase = phase
    }

    /// The guest as its request is answered; nil while it is not known to run.
    package var started: StartedGuest? {
        switch phase {
        case .starting, .stopping: nil
        case .running(let guest), .committing(let guest), .committed(let guest), .plain(let guest),
            .returning(let guest, _):
            guest
        }
    }

    /// Whether the guest's disks need the view.
    package var needsView: Bool {
        switch phase {
        case .starting, .running, .committing, .committed: !order.onBase
        case .plain, .returning, .stopping: false
        }
    }

    // MARK: Requests

    package static func start(_ order: Order, upon known: StartedReplica?) throws -> StartAction {
        guard let known else { return .begin }
        precondition(known.order.purpose == order.purpose, "one value per purpose")
        switch known.phase {
        case .stopping:
            return .removeThenBegin
        case .starting:
            let isSame = known.order.cycle == order.cycle && known.order.onBase == order.onBase
            if isSame { return .goOn }
            // On its own disks the guest may have written already; only a start from a view can be taken back.
            guard !known.order.onBase else { throw other(known, order) }
            return .removeThenBegin
        case .running(let guest), .committing(let guest), .committed(let guest), .plain(let guest):
            guard known.order.cycle == order.cycle, known.order.onBase == order.onBase else {
                throw other(known, order)
            }
            return .answer(guest)
        case .returning(_, let adoption): throw returning(known, adoption)
        }
    }

    package static func stop(_ known: StartedReplica?) throws -> StopAction {
        guard let known else { return .nothing }
        switch known.phase {
        case .starting where known.order.onBase:
            return .forgetIfOff
        case .starting, .running, .stopping:
            return .remove
        case .committing:
            throw HostAgentError(
                .failedPrecondition,
                "Guest \(known.guestName) is to run here for good: point \(known.order.cycle) is being committed.",
                remedy: "Ask for the commit until it ends. One that could not begin leaves the choice open.",
                facts: ["cycle": "\(known.order.cycle)"])
        case .committed, .plain:
            throw HostAgentError(
                .failedPrecondition,
                "Guest \(known.guestName) runs here for good: point \(known.order.cycle) was committed.",
                remedy: "Fail over to the other side instead.", facts: ["cycle": "\(known.order.cycle)"])
        case .returning(_, let adoption): throw returning(known, adoption)
        }
    }

    package static func commit(_ known: StartedReplica?) throws -> CommitAction {
        guard let known, let guest = known.started else {
            throw HostAgentError(
                .failedPrecondition, "No guest was started from this replica, so there is nothing to commit.",
                remedy: "Start the replica first.", facts: ["phase": known.map { $0.phase.name } ?? "nothing"])
        }
        switch known.phase {
        case .running, .committing: return .settle
        case .committed, .plain: return .nothing
        case .returning(_, let adoption): throw returning(known, adoption)
        case .starting, .stopping: preconditionFailure("a started guest is known: \(guest.name)")
        }
    }

    /// How what the guest wrote is taken into the base; what was begun goes on as it was begun.
    package static func adopt(_ known: StartedReplica, _ asked: Adoption) throws -> (StartedGuest, Adoption) {
        switch known.phase {
        case .running(let guest), .committing(let guest), .committed(let guest), .plain(let guest):
            return (guest, asked)
        case .returning(let guest, let begun):
            guard begun.cycle == asked.cycle, begun.isDiverged == asked.isDiverged else {
                throw returning(known, begun)
            }
            return (guest, begun)
        case .starting, .stopping:
            throw HostAgentError(
                .failedPrecondition,
                "Guest \(known.guestName) is being started from this replica, or removed: \(known.phase.name).",
                remedy: "Stop the replica first.", facts: ["phase": known.phase.name])
        }
    }

    private static func returning(_ known: StartedReplica, _ adoption: Adoption) -> HostAgentError {
        HostAgentError(
            .failedPrecondition,
            "What guest \(known.guestName) wrote is being taken into the base, as point \(adoption.cycle).",
            remedy: "Adopt the disks again to finish that.", facts: ["cycle": "\(adoption.cycle)"])
    }

    /// Whether the overlays can be put on the base images and the view ended.
    package func canSettleOnBase(guestIsOff: Bool) -> Bool {
        switch phase {
        case .committed: guestIsOff
        case .starting, .running, .committing, .plain, .returning, .stopping: false
        }
    }

    private static func other(_ known: StartedReplica, _ order: Order) -> HostAgentError {
        HostAgentError(
            .conflict,
            "Guest \(known.guestName) was started from point \(known.order.cycle) already, not from point "
                + "\(order.cycle).",
            remedy:
                "Cancel the failover, or change its point. With no other service left: `bascule-agent recover --config "
                + "FILE stop PROTECTION`. What the guest wrote since is then lost.",
            facts: ["started": "\(known.order.cycle)", "cycle": "\(order.cycle)"])
    }

    package func checkInvariants() throws {
        guard order.generation > 0, order.cycle > 0, !guest.isEmpty else {
            throw Self.wrong("it has no generation, point or guest", facts: ["guest": guest])
        }
        guard max(order.generation, order.cycle) <= HostAgentLimits.countMaximum else {
            throw Self.wrong(
                "it has a generation or point that nobody counts to",
                facts: ["guest": guest, "generation": "\(order.generation)", "point": "\(order.cycle)"])
        }
        guard order.onBase || !viewSocket.isEmpty else {
            throw Self.wrong("it has no view", facts: ["guest": guest])
        }
    }
}

extension StartedReplica.Phase {
    package var name: String {
        switch self {
        case .starting: "starting"
        case .running: "running"
        case .committing: "committing"
        case .committed: "committed"
        case .plain: "plain"
        case .returning: "returning"
        case .stopping: "stopping"
        }
    }
}
