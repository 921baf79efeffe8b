package import Hypervisor
package import Logging
import ServiceRuntime

/// The source side of the agent: captures of guests of this host, one state machine per protection.
///
/// ```
///   request ──► admitted by the state machine ──► saved ──► done at the hypervisor ──► told to the state machine
/// ```
///
/// Nothing here trusts a caller to come back: a capture that is not kept alive is ended by the watchdog.
package actor SourceRole {
    private struct Entry {
        var guest: String
        var machine: CaptureStateMachine
        /// Of the capture that is open, to answer a repeated request.
        var description: CaptureDescription?
    }

    private enum Readiness {
        /// Leftovers of an earlier run are being cleared; nothing may be captured before.
        case recovering
        case ready
    }

    private let store: AgentStore
    private let hypervisor: any HypervisorDriver
    private let sides: SideRole
    private let hook: CaptureHook?
    private let logger: Logger
    private let lock = KeyedLock()
    private let clock = ContinuousClock()
    private var entries: [String: Entry] = [:]
    private var readiness = Readiness.recovering
    /// Protections whose expired capture is being ended.
    private var expiring: Set<String> = []

    package init(
        store: AgentStore, hypervisor: any HypervisorDriver, sides: SideRole, hook: CaptureHook? = nil, logger: Logger
    ) {
        self.store = store
        self.hypervisor = hypervisor
        self.sides = sides
        self.hook = hook
        self.logger = logger
    }

    /// To be called until it succeeds, before anything else works. Ends jobs and processes of an earlier run; every
    /// checkpoint stays, because who holds which cycle is told by the next request.
    package func recover() async throws {
        for record in try await store.sources() where entries[record.protection] == nil {
            entries[record.protection] = Entry(
                guest: record.guest,
                machine: CaptureStateMachine(ledger: record.ledger, generation: record.generation))
        }
        for sentence in try await hypervisor.clearLeftovers(protections: nil) {
            logger.notice("leftover cleared", metadata: ["what": "\(sentence)"])
        }
        readiness = .ready
    }

    package var isReady: Bool {
        switch readiness {
        case .recovering: false
        case .ready: true
        }
    }

    package var openCaptures: Int {
        entries.values.count {
            switch $0.machine.phase {
            case .opening, .open, .closing: true
            case .idle, .lost: false
            }
        }
    }

    // MARK: Requests

    package func open(_ request: CaptureOrder) async throws -> CaptureDescription {
        try checkReady()
        return try await lock.withLock(request.protection) {
            try await sides.requireActive(request.protection, generation: request.order.generation)
            if let known = entries[request.protection], known.guest != request.guest {
                throw HostAgentError(
                    .conflict, "The protection is of another guest.",
                    remedy: "Release the source of the protection first.",
                    facts: ["held": known.guest, "given": request.guest])
            }
            if entries[request.protection] == nil {
                entries[request.protection] = Entry(guest: request.guest, machine: CaptureStateMachine())
            }
            switch try await change(request.protection, { try $0.open(request.order) }) {
            case .answerAgain:
                guard let description = entries[request.protection]?.description else {
                    preconditionFailure("an open capture has its description")
                }
                return description
            case .begin(let ending, let keep):
                return try await begin(request, ending: ending, keep: keep)
            }
        }
    }

    /// Answers only while the capture still shows the instant it was opened at, so that whoever is about to commit can
    /// rely on it.
    package func keep(protection: String, cycle: UInt64, generation: UInt64, keep: Duration) async throws {
        try checkReady()
        try await lock.withLock(protection) {
            try requireKnown(protection)
            try await change(protection) { [clock] machine in
                try machine.keep(cycle: cycle, generation: generation, now: clock.now, keep: keep)
            }
            do {
                try await hypervisor.verifyCapture(protection: protection, cycle: cycle)
            } catch let error as HypervisorError where error.code == .captureLost || error.code == .captureNotFound {
                try await lose(protection, cycle: cycle, reason: error.message)
                throw error
            }
        }
    }

    package func close(
        protection: String, cycle: UInt64, committed: Bool, keepCheckpointOf kept: UInt64?, generation: UInt64
    ) async throws {
        try checkReady()
        try await lock.withLock(protection) {
            // Nothing is known of it, so nothing of it is here.
            guard entries[protection] != nil else { return }
            let action = try await change(protection) { [clock] machine in
                try machine.close(
                    cycle: cycle, committed: committed, keepCheckpointOf: kept, generation: generation, now: clock.now)
            }
            try await carryOut(action, of: protection, reason: nil)
        }
    }

    package func release(protection: String, guest: String, generation: UInt64) async throws {
        try checkReady()
        try await lock.withLock(protection) {
            if entries[protection] == nil {
                entries[protection] = Entry(guest: guest, machine: CaptureStateMachine())
            }
            try await change(protection) { try $0.admit(generation: generation) }
            try await hypervisor.releaseGuest(protection: protection, guest: guest)
            entries[protection]?.description = nil
            try await change(protection) { $0.released() }
        }
    }

    // MARK: Time and events

    /// Ends captures that nobody kept alive, until the signal is given. Each by itself and at most once at a time, because
    /// a guest that hangs in the hypervisor holds its protection's lock, and must not hold up the others.
    nonisolated func watch(until stop: StopSignal) async {
        await withDiscardingTaskGroup { group in
            while !(await stop.sleep(for: HostAgentLimits.watchdogInterval)) {
                for protection in await takeExpired() { group.addTask { await self.endExpired(protection) } }
            }
        }
    }

    private func takeExpired() -> [String] {
        let expired = entries.filter { $0.value.machine.isExpired(now: clock.now) && !expiring.contains($0.key) }
        expiring.formUnion(expired.keys)
        return Array(expired.keys)
    }

    private func endExpired(_ protection: String) async {
        do {
            try await lock.withLock(protection) {
                guard let action = try await change(protection, { [clock] in $0.expire(now: clock.now) })
                else { return }
                logger.warning("capture expired", metadata: ["protection": "\(protection)"])
                try await carryOut(action, of: protection, reason: "nobody kept it alive")
            }
        } catch {
            logger.error("capture not ended", metadata: ["protection": "\(protection)", "error": "\(error)"])
        }
        expiring.remove(protection)
    }

    package func captureLost(protection: String, cycle: UInt64, reason: String) async {
        do {
            try await lock.withLock(protection) {
                guard entries[protection] != nil else { return }
                try await lose(protection, cycle: cycle, reason: reason)
            }
        } catch {
            logger.error("lost capture not ended", metadata: ["protection": "\(protection)", "error": "\(error)"])
        }
    }

    /// Ends every open capture, because a service that is away can not keep scratch files from growing. What was
    /// acknowledged stays, so the next cycle after the start is an incremental one. All at once, because a guest that hangs
    /// in the hypervisor must not keep the others'.
    package func stop() async {
        await withDiscardingTaskGroup { group in
            for protection in entries.keys { group.addTask { await self.end(protection) } }
        }
    }

    private func end(_ protection: String) async {
        do {
            try await lock.withLock(protection) {
                guard case .open(let order, _) = entries[protection]?.machine.phase else { return }
                try await lose(protection, cycle: order.cycle, reason: "the agent was stopped")
            }
        } catch {
            logger.error("capture not ended", metadata: ["protection": "\(protection)", "error": "\(error)"])
        }
    }

    // MARK: Pieces

    private func begin(
        _ request: CaptureOrder, ending: CaptureStateMachine.Order?, keep: UInt64?
    ) async throws -> CaptureDescription {
        let protection = request.protection
        do {
            entries[protection]?.description = nil
            if let ending {
                try await hypervisor.closeCapture(
                    protection: protection, guest: request.guest, cycle: ending.cycle, keepCheckpointOfCycle: keep ?? 0)
            }
            let description = try await hypervisor.openCapture(CaptureRequest(request))
            try await inspect(description, of: request, keep: keep)
            entries[protection]?.description = description
            try await change(protection) { [clock] in $0.began(now: clock.now, keep: request.keep) }
            logger.info(
                "capture opened",
                metadata: [
                    "protection": "\(protection)", "cycle": "\(request.order.cycle)",
                    "changedBytes": "\(description.changedBytes)", "frozen": "\(description.frozen)",
                ])
            return description
        } catch {
            try await change(protection) { $0.beginFailed() }
            throw error
        }
    }

    /// What the hook refuses is closed as abandoned.
    private func inspect(_ capture: CaptureDescription, of request: CaptureOrder, keep: UInt64?) async throws {
        guard let hook else { return }
        do {
            try await hook.run(protection: request.protection, guest: request.guest, capture: capture)
        } catch {
            try await hypervisor.closeCapture(
                protection: request.protection, guest: request.guest, cycle: capture.cycle,
                keepCheckpointOfCycle: keep ?? 0)
            throw error
        }
    }

    private func lose(_ protection: String, cycle: UInt64, reason: String) async throws {
        guard let action = try await change(protection, { [clock] in $0.lost(cycle: cycle, now: clock.now) })
        else { return }
        logger.warning("capture lost", metadata: ["protection": "\(protection)", "reason": "\(reason)"])
        try await carryOut(action, of: protection, reason: reason)
    }

    private func carryOut(
        _ action: CaptureStateMachine.CloseAction, of protection: String, reason: String?
    ) async throws {
        switch action {
        case .nothing:
            return
        case .close(let cycle, let keep):
            guard let guest = entries[protection]?.guest else { preconditionFailure("it was looked up before") }
            entries[protection]?.description = nil
            do {
                try await hypervisor.closeCapture(
                    protection: protection, guest: guest, cycle: cycle, keepCheckpointOfCycle: keep ?? 0)
            } catch let error as HypervisorError where error.code == .guestNotFound {
                // With the guest its job and its checkpoints are gone.
            }
            try await change(protection) { $0.closed(reason: reason) }
        }
    }

    /// Changes a state machine and saves what has to survive a crash, before anything is done about it. What the
    /// machine learned before it refused (a newer generation) is saved too.
    @discardableResult
    private func change<Result>(
        _ protection: String, _ body: (inout CaptureStateMachine) throws -> Result
    ) async throws -> Result {
        guard var entry = entries[protection] else { preconditionFailure("a protection is entered before it changes") }
        let before = entry.machine
        let result = Swift.Result { try body(&entry.machine) }
        if before.ledger != entry.machine.ledger || before.generation != entry.machine.generation {
            try await store.save(
                AgentStore.SourceRecord(
                    protection: protection, guest: entry.guest, generation: entry.machine.generation,
                    ledger: entry.machine.ledger))
        }
        entries[protection]?.machine = entry.machine
        return try result.get()
    }

    private func requireKnown(_ protection: String) throws {
        guard entries[protection] != nil else {
            throw HostAgentError(
                .notFound, "Nothing is captured for protection \(protection) on this host.",
                remedy: "Open a capture first.")
        }
    }

    private func checkReady() throws {
        switch readiness {
        case .ready: return
        case .recovering:
            throw HostAgentError(
                .unavailable, "The agent is still clearing what an earlier run left behind.",
                remedy: "Ask again in a moment; if it lasts, see the agent's log and `bascule doctor`.")
        }
    }
}
