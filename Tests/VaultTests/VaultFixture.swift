import Repeatable
import Testing

@testable import Vault

/// A state machine with a clock that stands until it is moved. Every decision is checked against the invariants.
struct VaultFixture {
    private(set) var machine: VaultStateMachine
    private(set) var generator = SeededRandom(seed: 1)
    var moment = VaultMoment(unixMilliseconds: 1_800_000_000_000, uptimeMilliseconds: 1_000)
    var generation: UInt64 = 0

    init() { machine = VaultStateMachine(registry: Registry(), at: moment) }

    var registry: Registry { machine.registry }

    mutating func pass(milliseconds: UInt64) {
        moment.unixMilliseconds += Int64(milliseconds)
        moment.uptimeMilliseconds += milliseconds
    }

    @discardableResult
    mutating func ask(_ request: RegistryRequest) throws -> VaultDecision {
        let context = RequestContext(moment: moment, actor: "tester", generation: generation)
        let decision = try machine.decide(request, context: context, using: &generator)
        machine.apply(decision, at: moment)
        try machine.registry.checkInvariants()
        return decision
    }

    /// The refusal of a request, which must have changed nothing.
    mutating func refusal(
        of request: RegistryRequest, sourceLocation: SourceLocation = #_sourceLocation
    ) -> VaultError? {
        let before = machine.registry
        do {
            try ask(request)
        } catch let error as VaultError {
            #expect(machine.registry == before, sourceLocation: sourceLocation)
            #expect(!error.message.isEmpty && !error.remedy.isEmpty, sourceLocation: sourceLocation)
            return error
        } catch {
            Issue.record(error, sourceLocation: sourceLocation)
        }
        Issue.record("the request was not refused", sourceLocation: sourceLocation)
        return nil
    }

    mutating func silence() throws -> VaultDecision {
        let decision = machine.decideOnSilence(at: moment)
        machine.apply(decision, at: moment)
        try machine.registry.checkInvariants()
        return decision
    }
}

// MARK: - Things to put into it

extension VaultFixture {
    static let primary = identifier(0xA)
    static let secondary = identifier(0xB)

    static func identifier(_ number: UInt64) -> RegistryIdentifier {
        var generator = SeededRandom(seed: number)
        return RegistryIdentifier(using: &generator)
    }

    /// Sites, clouds and hosts `primary` and `secondary`, paired.
    static func paired() throws -> VaultFixture {
        var fixture = VaultFixture()
        try fixture.ask(.registerHost(registration(primary, "primary")))
        try fixture.ask(.registerHost(registration(secondary, "secondary")))
        try fixture.ask(.pairClouds(pair()))
        return fixture
    }

    /// The same, with guest `web` on the primary host, and its protection in this state.
    static func protecting(in state: ProtectionState = .enabling) throws -> VaultFixture {
        var fixture = try paired()
        try fixture.report([guest("web")])
        try fixture.ask(.protect(protect("web")))
        try fixture.move(to: state)
        return fixture
    }

    static func registration(
        _ id: RegistryIdentifier, _ name: String, cloud: String? = nil, site: String? = nil,
        replicaFreeBytes: UInt64 = 500 << 30
    ) -> HostRegistration {
        HostRegistration(
            id: id, name: name, cloud: cloud ?? "\(name)-cloud", site: site ?? name,
            controlEndpoint: "tcp://127.0.0.1:7721", agentVersion: "1", hypervisorURI: "qemu:///system",
            capacity: capacity(replicaFreeBytes: replicaFreeBytes), createsMissing: true)
    }

    static func capacity(memoryFreeBytes: UInt64 = 64 << 30, replicaFreeBytes: UInt64 = 500 << 30) -> HostCapacity {
        HostCapacity(
            memoryBytes: 128 << 30, memoryFreeBytes: memoryFreeBytes, replicaBytes: 1 << 40,
            replicaFreeBytes: replicaFreeBytes)
    }

    static func pair(
        _ source: String = "primary-cloud", _ target: String = "secondary-cloud", policy: String = "gold",
        coverage: CloudPair.Coverage = .named
    ) -> CloudPair {
        CloudPair(
            key: CloudPair.Key(sourceCloud: source, targetCloud: target), policy: policy, coverage: coverage)
    }

    static func guest(
        _ name: String, on host: RegistryIdentifier = primary, diskBytes: UInt64 = 4 << 30,
        findings: [GuestFinding] = []
    ) -> Guest {
        Guest(
            key: Guest.Key(hostID: host, uuid: identifier(UInt64(name.utf8.reduce(7) { $0 &* 31 &+ Int($1) }))),
            name: name, power: .running, memoryBytes: 2 << 30, virtualCPUs: 2,
            disks: [GuestDisk(target: "vda", sizeBytes: diskBytes, format: "qcow2", source: "/var/lib/\(name).qcow2")],
            findings: findings, hasGuestAgent: false, definitionDigest: [UInt8](repeating: 1, count: 32))
    }

    static let rawDisk = GuestFinding(
        rule: "raw-disk", subject: "vda", message: "Disk vda is raw and cannot be tracked.",
        remedy: "Convert it to qcow2.", isBlocking: true)

    static func protect(
        _ guest: String, sourceHost: String? = nil, targetCloud: String? = nil, targetHost: String? = nil,
        policyOverride: String = ""
    ) -> ProtectRequest {
        ProtectRequest(
            guest: guest, sourceHost: sourceHost, targetCloud: targetCloud, targetHost: targetHost,
            policyOverride: policyOverride)
    }

    /// The next inventory of a host.
    @discardableResult
    mutating func report(
        _ guests: [Guest], on host: RegistryIdentifier = primary, capacity: HostCapacity = capacity(),
        sides: [SideReport] = []
    ) throws -> VaultDecision {
        let sequence = (registry.hosts[host]?.inventorySequence ?? 0) + 1
        return try ask(
            .reportInventory(
                InventoryReport(hostID: host, sequence: sequence, capacity: capacity, guests: guests, sides: sides)))
    }

    @discardableResult
    mutating func change(
        to state: RequestedState, reason: String = "", version: ExpectedVersion = .any, protection: String = "web"
    ) throws -> VaultDecision {
        try ask(Self.change(to: state, reason: reason, version: version, protection: protection))
    }

    static func change(
        to state: RequestedState, reason: String = "", version: ExpectedVersion = .any, protection: String = "web"
    ) -> RegistryRequest {
        .changeState(
            StateChangeRequest(protection: protection, expectedVersion: version, state: state, reason: reason))
    }

    /// Walks the protection of `web` along legal changes, from `enabling`.
    mutating func move(to state: ProtectionState) throws {
        switch state {
        case .enabling: break
        case .seeding: try change(to: .seeding)
        case .protected:
            try change(to: .seeding)
            try change(to: .protected)
        case .resynchronizing:
            try move(to: .protected)
            try change(to: .resynchronizing, reason: "The bitmap is lost.")
        case .paused(let active):
            try move(to: ProtectionState(active))
            try change(to: .paused, reason: "By tester.")
        case .disabling(let fate): try ask(.unprotect(protection: "web", fate: fate))
        case .failingOver:
            try move(to: .protected)
            try step(.begin)
        case .commitPending:
            try move(to: .failingOver)
            try step(.activateTarget, cycle: 7)
            try step(.pend)
        case .committed:
            try move(to: .commitPending)
            try step(.commit)
        case .reversing:
            try move(to: .committed)
            try step(.reverse)
        }
        #expect(protection.state == state)
    }

    static let run = identifier(0x1001)
    static let otherRun = identifier(0x1002)

    /// A step of the run of the fixture, which reads the protection before each.
    @discardableResult
    mutating func step(
        _ step: FailoverStep, cycle: UInt64 = 0, run: RegistryIdentifier = run, version: ExpectedVersion? = nil
    ) throws -> VaultDecision {
        try ask(Self.step(step, cycle: cycle, run: run, version: version ?? .exactly(protection.version)))
    }

    static func step(
        _ step: FailoverStep, cycle: UInt64 = 0, run: RegistryIdentifier = run, version: ExpectedVersion = .any
    ) -> RegistryRequest {
        .advanceFailover(
            FailoverAdvance(
                protection: "web", expectedVersion: version, step: StepTaken(run: run, step: step, cycle: cycle),
                reason: ""))
    }

    /// Of the guest `web`.
    var protection: Protection {
        guard let protection = registry.protection(ofGuest: Self.guest("web").key.uuid) else {
            preconditionFailure("the fixture protects the guest first")
        }
        return protection
    }
}
