import Messages
import ServiceRuntime

/// How well the agent is.
struct AgentHealth: Sendable {
    let name: String
    let source: SourceRole
    let target: TargetRole
    let views: ViewSupervisor
    let sides: SideRole
    let started: StartedRole
    let replicas: String
    private let beginning = ContinuousClock().now

    init(
        name: String, source: SourceRole, target: TargetRole, views: ViewSupervisor, sides: SideRole, started: StartedRole,
        replicas: String
    ) {
        self.name = name
        self.source = source
        self.target = target
        self.views = views
        self.sides = sides
        self.started = started
        self.replicas = replicas
    }

    func reply() async -> HealthReply {
        var reply = HealthReply()
        reply.service = "agent"
        reply.name = name
        reply.version = BasculeVersion.current
        reply.uptimeSeconds = beginning.duration(to: ContinuousClock().now).components.seconds
        reply.level = .normal
        reply.details = [
            "\(await source.openCaptures) captures are open", "\(await target.openCycles) cycles are open",
            "\(await views.count) views are open", "\(await started.count) guests were started from replicas",
        ]
        if await !source.isReady {
            reply.level = .critical
            reply.details.append("the hypervisor could not be reached yet")
        }
        for alarm in await sides.standingAlarms {
            reply.level = .critical
            reply.details.append(alarm)
        }
        for protection in await started.views.missing() {
            reply.level = .critical
            reply.details.append("the view that the guest of protection \(protection) runs from is not served")
        }
        do {
            let free = try FileSystemSpace(of: replicas).freeBytes
            if free < HostAgentLimits.reservedFreeBytes {
                reply.level = .critical
                reply.details.append("the file system of the replicas is full: \(free) bytes are free")
            }
        } catch {
            reply.level = .critical
            reply.details.append("\(error)")
        }
        return reply
    }
}
