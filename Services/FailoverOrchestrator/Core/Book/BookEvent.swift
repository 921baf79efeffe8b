/// What happens to the service.
enum BookEvent: Hashable, Sendable {
    case asked(RequestToken, OrchestratorRequest)
    /// The registry that was read for a run that is to start.
    case registryRead(RequestToken, OrchestratorRequest, Result<RegistryView, OrchestratorError>)
    case run(String, RunEvent)
}

/// What has to be done: the changes are made durable first, then the actions are taken in order.
struct BookOutput: Hashable, Sendable {
    var changes: [StoreChange] = []
    var actions: [BookAction] = []
}

/// What the driver does after the changes are stored.
enum BookAction: Hashable, Sendable {
    case readRegistry(RequestToken, OrchestratorRequest)
    case ask(RunOrder)
    case wake(run: String, at: RunTime, number: UInt64)
    case answer(RequestToken, Result<OrchestratorAnswer, OrchestratorError>)
}
