import MessageBus
import Messages
import ServiceRuntime

/// Answers health requests; a worker answers nothing else.
struct WorkerHealth: Sendable {
    let name: String
    let slotCount: Int
    let slots: SlotBoard
    private let started = ContinuousClock().now

    init(name: String, slotCount: Int, slots: SlotBoard) {
        self.name = name
        self.slotCount = slotCount
        self.slots = slots
    }

    func answer(_ request: IncomingRequest) async throws -> Envelope.OneOf_Body {
        guard case .healthRequest = request.body else {
            throw RemoteError(
                .unimplemented, "A worker answers health requests only.",
                remedy: "Send this to the service it is meant for.")
        }
        var reply = HealthReply()
        reply.service = "worker"
        reply.name = name
        reply.version = BasculeVersion.current
        reply.level = .normal
        reply.details = ["\(await slots.runningJobs) of \(slotCount) slots are busy"]
        reply.uptimeSeconds = started.duration(to: ContinuousClock().now).components.seconds
        return .healthReply(reply)
    }
}
