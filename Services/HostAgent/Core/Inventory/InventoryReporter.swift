import Hypervisor
import Logging
import MessageBus
import Messages
import ServiceRuntime

/// Tells the vault who this host is and which guests it has: every five seconds, and soon after a change.
///
/// The vault may be away for as long as it likes; nothing else of the agent waits for it.
struct InventoryReporter: Sendable {
    let host: String
    let run: UInt64
    let standing: HostStanding
    let settings: HostAgentSettings
    /// What others connect to.
    let controlEndpoint: String
    let hypervisor: any HypervisorDriver
    let vault: RequestClient
    let sides: SideRole
    /// What this host holds by itself.
    let sideReports: @Sendable () async throws -> [SideReport]
    /// Ends captures and views, when another agent is this host.
    let endActs: @Sendable () async -> Void
    /// Rings when something changed at the hypervisor.
    let changes: Bell
    let stop: StopSignal
    let logger: Logger

    private enum Registration: Equatable {
        case missing
        case done
    }

    /// Whether the vault answered last time; a change is logged, the same thing again is not.
    private enum Reach: Equatable {
        case unknown
        case reached
        case unreached(String)
    }

    private enum Wake: Sendable { case due, changed, stopped }

    func report() async {
        var registration = Registration.missing
        var reach = Reach.unknown
        var number: UInt64 = 0
        while !stop.isGiven, !Task.isCancelled {
            number += 1
            do {
                if registration == .missing {
                    try await register()
                    registration = .done
                }
                try await send(number: number)
                if reach != .reached { logger.notice("vault reached", metadata: ["vault": "\(settings.vault)"]) }
                reach = .reached
                await standing.accepted()
            } catch let error as RemoteError where error.code == .staleGeneration {
                // It is asked again all the same: whoever restores the vault, or removes the host there, may want it back.
                registration = .missing
                if await standing.replaced(because: error.message) { await endActs() }
            } catch let error as RemoteError where error.code == .notFound {
                // The vault does not know this host: its database is new, or the host was removed there.
                registration = .missing
                logger.notice("registering again", metadata: ["reason": "\(error.message)"])
            } catch {
                let sentence = "\(error)"
                if reach != .unreached(sentence) {
                    logger.warning("inventory not reported", metadata: ["error": "\(sentence)"])
                }
                reach = .unreached(sentence)
            }
            await wait()
        }
    }

    private func register() async throws {
        var request = RegisterHost()
        request.site = settings.site
        request.createMissing = true
        let information = try await hypervisor.hostInformation()
        request.host.id = host
        request.host.name = settings.name
        request.host.cloud = settings.cloud
        request.host.controlEndpoint = controlEndpoint
        request.host.agentVersion = BasculeVersion.current
        request.host.hypervisorUri = information.hypervisorURI
        request.host.incarnation = standing.incarnation
        request.host.capacity = try capacity(information)
        switch try await vault.vault(.registerHost(request), deadline: HostAgentLimits.reportDeadline) {
        case .host, .done: break
        case .protection, .protectCloudResult, .snapshot, .auditList, .duties: throw Self.nonsense
        }
    }

    private static let nonsense = RemoteError(
        .internal, "The vault answered with something else than was asked.",
        remedy: "Compare the versions of the vault and of the host agent.")

    private func send(number: UInt64) async throws {
        let guests = try await hypervisor.inventory()
        guard guests.count <= HostAgentLimits.guestsPerHostMaximum else {
            throw HostAgentError(
                .resourceExhausted, "The host has more guests than one report holds.",
                remedy: "Spread them over several hosts.", facts: ["guests": "\(guests.count)"])
        }
        var request = ReportInventory()
        request.hostID = host
        request.incarnation = standing.incarnation
        // Numbers rise within a run, and a later run begins above every number of an earlier one.
        request.sequence = run << 32 | number
        request.capacity = try capacity(try await hypervisor.hostInformation())
        request.guests = guests.map { Guest($0, host: host) }
        request.sides = try await sideReports()
        let duties: HostDuties
        switch try await vault.vault(.reportInventory(request), deadline: HostAgentLimits.reportDeadline) {
        case .duties(let told): duties = told
        // A vault of an earlier release answers without duties, and the last known sides hold.
        case .done: return
        case .host, .protection, .protectCloudResult, .snapshot, .auditList: throw Self.nonsense
        }
        await sides.take(
            SideStateMachine.Order.orders(duties),
            seeing: Dictionary(guests.map { ($0.uuid, SideStateMachine.Observation($0)) }) { first, _ in first })
    }

    private func capacity(_ information: HostInformation) throws -> HostCapacity {
        HostCapacity(information, replicas: try FileSystemSpace(of: settings.replicas))
    }

    /// Until the next report is due, something changed, or the agent stops.
    private func wait() async {
        let wake = await withTaskGroup(of: Wake.self) { race in
            race.addTask { await stop.sleep(for: HostAgentLimits.reportInterval) ? .stopped : .due }
            race.addTask {
                await changes.wait()
                return .changed
            }
            defer { race.cancelAll() }
            return await race.next() ?? .stopped
        }
        switch wake {
        case .due, .stopped: return
        case .changed:
            // Starting a guest makes several changes within moments.
            await stop.sleep(for: HostAgentLimits.reportCoalescing)
        }
    }
}
