import Messages
import ServiceRuntime

/// How well the agent is.
struct AgentHealth: Sendable {
    let name: String
    let source: SourceRole
    let target: TargetRole
    let views: ViewSupervisor
    let replicas: String
    private let started = ContinuousClock().now

    init(name: String, source: SourceRole, target: TargetRole, views: ViewSupervisor, replicas: String) {
        self.name = name
        self.source = source
        self.target = target
        self.views = views
        self.replicas = replicas
    }

    func reply() async -> HealthReply {
        var reply = HealthReply()
        reply.service = "agent"
        reply.name = name
        reply.version = BasculeVersion.current
        reply.uptimeSeconds = started.duration(to: ContinuousClock().now).components.seconds
        reply.level = .normal
        reply.details = [
            "\(await source.openCaptures) captures are open", "\(await target.openCycles) cycles are open",
            "\(await views.count) views are open",
        ]
        if await !source.isReady {
            reply.level = .critical
            reply.details.append("the hypervisor could not be reached yet")
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
