/// Which side of a protection this host is on, as a value: orders of a generation and what is seen of the guest go in;
/// what to do about the guest comes out.
///
/// ```
///                 newer order: active                      newer order: passive
///   unknown ──────────────────────────► active ◄────────────────────────────────► passive
///                                         │                                           │
///              autostart and links as they were before         autostart off; a guest that runs all the same is
///                                                              treated by the fence
/// ```
///
/// An order of the same generation changes nothing but the fence, and one of an older generation nothing at all. At
/// generation 1 no side has ever lost, so a guest that runs at the passive side there is told of and left alone: it was
/// not started by anything of ours.
package struct SideStateMachine: Sendable, Equatable {
    /// What is done about a guest that runs at a side that is not active.
    package enum Fence: String, Sendable, Equatable, CaseIterable {
        case alarm
        case disconnect
        case shutDown
    }

    package enum Standing: Sendable, Equatable {
        case active
        case passive(Fence)
    }

    /// The guest's start with the host.
    package enum Autostart: Sendable, Equatable {
        /// As whoever owns the guest set it.
        case untouched
        /// Off because this side is not active; `before`: whether it was on.
        case withheld(before: Bool)
    }

    package enum Links: Sendable, Equatable {
        case untouched
        case cut
    }

    /// What a command or a duty says.
    package struct Order: Sendable, Equatable {
        package var guest: String
        package var generation: UInt64
        package var standing: Standing
        /// Name of the host whose guest may run; empty: not told.
        package var activeHost: String

        package init(guest: String, generation: UInt64, standing: Standing, activeHost: String = "") {
            self.guest = guest
            self.generation = generation
            self.standing = standing
            self.activeHost = activeHost
        }
    }

    package enum Learning: Sendable, Equatable {
        case newer
        /// The same side with another fence.
        case otherFence
        case same
        case older(seen: UInt64)
        /// The same generation gives the right to run to somebody else: nobody here can tell who is right.
        case contradicts
        /// It speaks of another guest than the one that is known.
        case otherGuest(known: String)
    }

    package struct Observation: Sendable, Equatable {
        package enum Power: Sendable, Equatable {
            /// Running or paused: there is a process that holds its disks.
            case on
            case off
        }

        package var power: Power
        package var autostart: Bool
        /// Its disks are the base of a replica, and hold an older point than the side stands for until they are brought
        /// to it. So it must not start by itself, whichever side this is.
        package var isBase: Bool
        /// Tells one run from the next; nil while it is off.
        package var run: UInt32?
        /// When it was seen so.
        package var unixMilliseconds: Int64

        package init(
            power: Power, autostart: Bool, isBase: Bool = false, run: UInt32? = nil, unixMilliseconds: Int64 = 0
        ) {
            self.power = power
            self.autostart = autostart
            self.isBase = isBase
            self.run = run
            self.unixMilliseconds = unixMilliseconds
        }
    }

    package enum Action: Sendable, Equatable {
        case switchAutostart(Bool)
        case cutLinks
        case joinLinks
        case shutDown
        /// The guest went off late, when it was wanted on again: it is looked at once more, and started.
        case startAgain
    }

    package let guest: String
    package private(set) var generation: UInt64
    package private(set) var standing: Standing
    package private(set) var activeHost: String
    package private(set) var autostart: Autostart
    package private(set) var links: Links
    /// Told to shut down, by command or by the fence.
    package private(set) var lateShutdown: LateShutdown

    /// The first order that this host gets of a protection.
    package init(_ order: Order) {
        precondition(order.generation > 0, "an order carries a generation")
        guest = order.guest
        generation = order.generation
        standing = order.standing
        activeHost = order.activeHost
        autostart = .untouched
        links = .untouched
        lateShutdown = .none
    }

    /// As it was saved.
    package init(
        guest: String, generation: UInt64, standing: Standing, activeHost: String, autostart: Autostart, links: Links,
        lateShutdown: LateShutdown = .none
    ) {
        self.guest = guest
        self.generation = generation
        self.standing = standing
        self.activeHost = activeHost
        self.autostart = autostart
        self.links = links
        self.lateShutdown = lateShutdown
    }

    package var isActive: Bool {
        switch standing {
        case .active: true
        case .passive: false
        }
    }

    package mutating func learn(_ order: Order) -> Learning {
        guard order.guest == guest else { return .otherGuest(known: guest) }
        guard order.generation >= generation else { return .older(seen: generation) }
        if order.generation > generation {
            generation = order.generation
            standing = order.standing
            activeHost = order.activeHost
            lateShutdown.recall()
            return .newer
        }
        switch (standing, order.standing) {
        case (.active, .active):
            return .same
        case (.passive(let held), .passive(let told)):
            if !order.activeHost.isEmpty { activeHost = order.activeHost }
            guard held != told else { return .same }
            standing = order.standing
            return .otherFence
        case (.active, .passive), (.passive, .active):
            return .contradicts
        }
    }

    /// Whether a command of this generation may let this host's guest run or be captured.
    package func requireActive(generation given: UInt64) throws {
        guard given >= generation else { throw HostAgentError.staleGeneration(given, seen: generation) }
        switch standing {
        case .active: return
        case .passive:
            throw HostAgentError(
                .failedPrecondition,
                "This host's side is not the active one since generation \(generation); \(holder) is.",
                remedy: "Fail over to this host, or cancel the failover, and ask again.",
                facts: [
                    "rule": "passive-side", "generation": "\(generation)", "given": "\(given)", "active": activeHost,
                ])
        }
    }

    /// What has to be done about the guest as it is seen. Notes of what it was before are kept here, so the value is
    /// saved before the actions are carried out.
    package mutating func act(on seen: Observation) -> [Action] {
        switch standing {
        case .active:
            return giveBack(seen) + (lateShutdown.hasEnded(seen) ? [.startAgain] : [])
        case .passive(let fence):
            // Nobody ever lost the right to run at generation 1.
            guard generation > 1 else { return [] }
            return withhold(seen) + self.fence(seen, fence)
        }
    }

    /// The guest was started afresh: its links are as its definition says.
    package mutating func guestStarted() { links = .untouched }

    /// The guest is about to be told to shut down, by command or by the fence.
    package mutating func willShutDown(_ seen: Observation) { lateShutdown.tell(run: seen.run) }

    /// A command wants the guest on.
    package mutating func wantsOn(_ seen: Observation) {
        guard isActive else { return }
        lateShutdown.want(run: seen.run, nowUnixMilliseconds: seen.unixMilliseconds)
    }

    /// Whether the guest, freshly seen, is to be started because it went off late. What was wanted is over then.
    package mutating func takesLateStart(_ seen: Observation) -> Bool {
        guard isActive, lateShutdown.hasEnded(seen) else { return false }
        // Somebody else started it, or its disks have to be brought to a point first.
        guard seen.power == .off, !seen.isBase else {
            lateShutdown = .none
            return false
        }
        return true
    }

    /// One sentence for people; nil while nothing is wrong.
    package func alarm(_ seen: Observation?) -> String? {
        guard case .passive(let fence) = standing, let seen else { return nil }
        switch seen.power {
        case .off: return nil
        case .on:
            let measure =
                switch fence {
                case _ where generation == 1: "it is left alone"
                case .alarm: "it is left alone, as the fence action says"
                case .disconnect: "its network links are held down"
                case .shutDown: "it is being shut down"
                }
            return "The guest runs on this host, which is not the active side since generation \(generation): "
                + "\(holder) is; \(measure)."
        }
    }

    private var holder: String { activeHost.isEmpty ? "the other side" : "host \(activeHost)" }

    private mutating func giveBack(_ seen: Observation) -> [Action] {
        var actions: [Action] = []
        if seen.isBase {
            actions += withhold(seen)
        } else {
            switch autostart {
            case .untouched: break
            case .withheld(let before):
                if before, !seen.autostart {
                    actions.append(.switchAutostart(true))
                } else {
                    autostart = .untouched
                }
            }
        }
        switch (links, seen.power) {
        case (.cut, .on): actions.append(.joinLinks)
        case (.cut, .off): links = .untouched
        case (.untouched, .on), (.untouched, .off): break
        }
        return actions
    }

    private mutating func withhold(_ seen: Observation) -> [Action] {
        switch autostart {
        case .untouched: autostart = .withheld(before: seen.autostart)
        case .withheld: break
        }
        return seen.autostart ? [.switchAutostart(false)] : []
    }

    private mutating func fence(_ seen: Observation, _ fence: Fence) -> [Action] {
        switch seen.power {
        case .off:
            links = .untouched
            return []
        case .on:
            switch fence {
            case .alarm: return []
            case .disconnect: return links == .cut ? [] : [.cutLinks]
            case .shutDown: return [.shutDown]
            }
        }
    }

    /// An action was carried out.
    package mutating func did(_ action: Action) {
        switch action {
        case .switchAutostart(let isOn): if isOn, isActive { autostart = .untouched }
        case .cutLinks: links = .cut
        case .joinLinks: links = .untouched
        case .shutDown: links = .untouched
        case .startAgain: lateShutdown = .none
        }
    }

    package func checkInvariants() throws {
        guard generation > 0, !guest.isEmpty else {
            throw HostAgentError.corruptState("a side has no generation or no guest", facts: ["guest": guest])
        }
    }
}
