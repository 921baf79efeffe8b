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
    let standing: HostStanding
    private let beginning = ContinuousClock().now

    init(
        name: String, source: SourceRole, target: TargetRole, views: ViewSupervisor, sides: SideRole,
        started: StartedRole, replicas: String, standing: HostStanding
    ) {
        self.name = name
        self.source = source
        self.target = target
        self.views = views
        self.sides = sides
        self.started = started
        self.replicas = replicas
        self.standing = standing
    }

    func reply() async -> HealthReply {
        var reply = HealthReply()
        reply.service = "agent"
        reply.name = name
        reply.version = BasculeVersion.current
        reply.uptimeSeconds = beginning.duration(to: ContinuousClock().now).components.seconds
        reply.level = .normal
        // The agent itself is well, so this is no more than a warning: whoever watches over its process, and starts
        // anew what is critical, would in a container end every guest of the host. How bad it is for the guest, the
        // protection's status tells.
        let alarms = await sides.standingAlarms + target.standingAlarms
        if !alarms.isEmpty { reply.level = .warning }
        reply.details = [
            "\(await source.openCaptures) captures are open", "\(await target.openCycles) cycles are open",
            "\(await views.count) views are open", "\(await started.count) guests were started from replicas",
        ]
        reply.details += alarms
        if let sentence = await standing.sentence {
            reply.level = .critical
            reply.details.append("this agent does nothing any more: \(sentence)")
        }
        if await !source.isReady {
            reply.level = .critical
            reply.details.append("the hypervisor could not be reached yet")
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
