package import Hypervisor
package import Logging
import MessageBus
import ServiceRuntime

/// Keeps which side this host is on of each protection, and holds its guests to it.
///
/// ```
///   SetSide, duties ──► learned, saved ──┐
///   hypervisor events, reports ──────────┴──► looked at ──► autostart, links, shutdown
/// ```
///
/// What an order says is durable before it is answered or acted on. What cannot be done at once (the hypervisor is
/// away, a guest does not shut down) is done again at every report and at every event of the guest.
package actor SideRole {
    let store: AgentStore
    let hypervisor: any HypervisorDriver
    let logger: Logger
    let lock = KeyedLock()
    /// Whether the disks of a protection's guest are the base of a replica; told once, before the first request.
    private var isBase: @Sendable (_ protection: String) async throws -> Bool = { _ in false }
    /// Told of a guest that was seen, on or off, where it may not run.
    private var passiveSeen: @Sendable (_ protection: String) async -> Void = { _ in }
    /// Rings when sides have to be looked at.
    let isDue = Bell()
    var sides: [String: SideStateMachine] = [:]
    /// What is wrong with guests that run where they must not, as last seen.
    var alarms: [String: String] = [:]
    private var due: Set<String> = []
    /// Being looked at right now.
    private var underWay: Set<String> = []
    /// Released or deleted here: forgotten once the vault no longer names them.
    var ended: Set<String> = []

    package init(store: AgentStore, hypervisor: any HypervisorDriver, logger: Logger) {
        self.store = store
        self.hypervisor = hypervisor
        self.logger = logger
    }

    /// To be called before the first request: from then on the last known side holds.
    package func load() async throws {
        sides = try await store.sides()
        ended = try await store.endedSides()
        askForAll()
    }

    /// The target role is made after this one.
    func connect(
        isBase: @escaping @Sendable (_ protection: String) async throws -> Bool,
        passiveSeen: @escaping @Sendable (_ protection: String) async -> Void
    ) {
        self.isBase = isBase
        self.passiveSeen = passiveSeen
    }

    // MARK: What is known

    package func side(of protection: String) -> SideStateMachine? { sides[protection] }

    package var all: [String: SideStateMachine] { sides }

    package var standingAlarms: [String] { alarms.values.sorted() }

    /// Whether a command of this generation may capture or start the guest; of an unknown protection it may.
    package func requireActive(_ protection: String, generation: UInt64) throws {
        try sides[protection]?.requireActive(generation: generation)
    }

    /// Whether a start for good may be carried out: an active side's may, and one of a generation that is newer than
    /// what gave the right to run away.
    package func requireStart(_ protection: String, generation: UInt64) throws {
        guard let side = sides[protection], side.generation >= generation else { return }
        try side.requireActive(generation: generation)
    }

    /// A start for good makes this the active side at its generation, when nobody has said so yet.
    package func activate(_ protection: String, guest: String, generation: UInt64) async throws {
        if let side = sides[protection], side.generation >= generation { return }
        try await set(
            protection, SideStateMachine.Order(guest: guest, generation: generation, standing: .active))
    }

    /// The opposite: the guest's disks are about to be written by replication.
    package func requirePassive(_ protection: String, generation: UInt64) throws {
        guard let side = sides[protection], side.generation <= generation, !side.isActive else {
            let seen = sides[protection]?.generation ?? 0
            guard seen <= generation else { throw HostAgentError.staleGeneration(generation, seen: seen) }
            throw HostAgentError(
                .failedPrecondition,
                "This host's side is not known to be passive, so its guest may write to its disks.",
                remedy: "Set the side first.", facts: ["rule": "active-side", "generation": "\(generation)"])
        }
    }

    // MARK: Orders

    /// By a command. What can be done at once is done before it returns.
    package func set(_ protection: String, _ order: SideStateMachine.Order) async throws {
        try await lock.withLock(protection) {
            switch try await learn(protection, order) {
            case .newer, .otherFence, .same: break
            case .older(let seen): throw HostAgentError.staleGeneration(order.generation, seen: seen)
            case .contradicts:
                throw HostAgentError(
                    .conflict,
                    "Generation \(order.generation) gave the right to run to the other side already.",
                    remedy: "Read the protection from the vault again; only a newer generation changes the side.",
                    facts: ["generation": "\(order.generation)"])
            case .otherGuest(let known):
                throw HostAgentError(
                    .conflict, "The protection is of another guest.",
                    remedy: "Read the protection from the vault again.", facts: ["held": known, "given": order.guest])
            }
        }
        await look(at: protection, shuttingDown: false)
        ask(for: protection)
    }

    /// By the answer to an inventory report, which says what the host's guests are like, too. A duty that says nothing
    /// new changes nothing.
    package func take(
        _ duties: [String: SideStateMachine.Order], seeing guests: [String: SideStateMachine.Observation]
    ) async {
        for (protection, order) in duties where order.generation > 0 {
            do {
                let learning = try await lock.withLock(protection) { try await learn(protection, order) }
                switch learning {
                case .newer, .otherFence: logger.notice("side learned", metadata: ["protection": "\(protection)"])
                case .same, .older: break
                case .contradicts, .otherGuest:
                    logger.error(
                        "duty not taken over: it contradicts what is known",
                        metadata: ["protection": "\(protection)", "learning": "\(learning)"])
                }
            } catch {
                logger.error("duty not saved", metadata: ["protection": "\(protection)", "error": "\(error)"])
            }
        }
        await forgetWhatIsOver(duties)
        for (protection, side) in sides where isWanting(side, guests[side.guest], protection) { ask(for: protection) }
    }

    /// Whether a closer look would do or say anything, so that quiet sides cost nothing.
    private func isWanting(
        _ side: SideStateMachine, _ seen: SideStateMachine.Observation?, _ protection: String
    ) -> Bool {
        guard alarms[protection] == side.alarm(seen) else { return true }
        guard let seen else { return false }
        var after = side
        return !after.act(on: seen).isEmpty || after != side
    }

    /// - Precondition: the caller has the protection's lock.
    private func learn(_ protection: String, _ order: SideStateMachine.Order) async throws -> SideStateMachine.Learning
    {
        guard var side = sides[protection] else {
            guard sides.count < HostAgentLimits.sidesMaximum else {
                throw HostAgentError(
                    .resourceExhausted, "This host is a side of as many protections as are allowed.",
                    remedy: "Use another host.", facts: ["sides": "\(sides.count)"])
            }
            let side = SideStateMachine(order)
            try await store.save(side, of: protection)
            sides[protection] = side
            return .newer
        }
        let before = side
        let learning = side.learn(order)
        try await keep(side, insteadOf: before, of: protection)
        return learning
    }

    // MARK: Looking

    func guestChanged(_ change: GuestChange) async {
        for (protection, side) in sides where side.guest == change.guest {
            switch change.kind {
            case .started:
                do {
                    try await lock.withLock(protection) { try await update(protection) { $0.guestStarted() } }
                } catch {
                    logger.warning("side not saved", metadata: ["protection": "\(protection)", "error": "\(error)"])
                }
            case .defined, .undefined, .paused, .resumed, .shutDown, .destroyed, .migrated, .crashed, .devicesChanged,
                .guestAgentChanged, .captureLost:
                break
            }
            ask(for: protection)
        }
    }

    func askForAll() {
        due.formUnion(sides.keys)
        isDue.ring()
    }

    private func ask(for protection: String) {
        due.insert(protection)
        isDue.ring()
    }

    /// What is due and not being looked at already.
    func takeDue() -> Set<String> {
        let free = due.subtracting(underWay)
        due.subtract(free)
        underWay.formUnion(free)
        return free
    }

    func looked(_ protection: String) {
        underWay.remove(protection)
        if due.contains(protection) { isDue.ring() }
    }

    /// Looks at the guest and holds it to its side. Failures are logged, and tried again at the next look.
    func look(at protection: String, shuttingDown: Bool) async {
        do {
            guard let seen = try await observe(protection) else {
                alarms[protection] = nil
                return
            }
            let actions = try await lock.withLock(protection) { () -> [SideStateMachine.Action] in
                note(sides[protection]?.alarm(seen), of: protection)
                return try await update(protection) { $0.act(on: seen) } ?? []
            }
            if sides[protection]?.isActive == false { await passiveSeen(protection) }
            for action in actions {
                if action == .shutDown, !shuttingDown { continue }
                try await carryOut(action, protection)
            }
        } catch {
            logger.warning("side not held", metadata: ["protection": "\(protection)", "error": "\(error)"])
        }
    }

    private func note(_ alarm: String?, of protection: String) {
        if let alarm, alarms[protection] != alarm {
            logger.error("fenced guest runs", metadata: ["protection": "\(protection)", "alarm": "\(alarm)"])
        }
        alarms[protection] = alarm
    }

    func observe(_ protection: String) async throws -> SideStateMachine.Observation? {
        guard let side = sides[protection] else { return nil }
        do {
            var seen = SideStateMachine.Observation(try await hypervisor.describe(guest: side.guest))
            // Where the guest may not run at all it makes no difference, and fencing waits for nothing.
            if side.isActive { seen.isBase = try await isBase(protection) }
            return seen
        } catch let error as HypervisorError where error.code == .guestNotFound {
            return nil
        }
    }

    private func carryOut(_ action: SideStateMachine.Action, _ protection: String) async throws {
        guard let guest = sides[protection]?.guest else { return }
        logger.notice("holding the guest to its side", metadata: ["guest": "\(guest)", "action": "\(action)"])
        switch action {
        case .switchAutostart(let isOn): try await hypervisor.setAutostart(guest, isOn)
        case .cutLinks: try await hypervisor.setLinks(of: guest, up: false)
        case .joinLinks: try await hypervisor.setLinks(of: guest, up: true)
        case .shutDown: guard try await fence(protection, guest) else { return }
        case .startAgain: return try await startAgain(protection, guest)
        }
        try await lock.withLock(protection) { try await update(protection) { $0.did(action) } }
    }

    // MARK: Pieces

    @discardableResult
    func update<Result>(
        _ protection: String, _ body: (inout SideStateMachine) -> Result
    ) async throws -> Result? {
        guard var side = sides[protection] else { return nil }
        let before = side
        let result = body(&side)
        try await keep(side, insteadOf: before, of: protection)
        return result
    }

    private func keep(_ side: SideStateMachine, insteadOf before: SideStateMachine, of protection: String) async throws
    {
        if side != before { try await store.save(side, of: protection) }
        sides[protection] = side
    }
}
