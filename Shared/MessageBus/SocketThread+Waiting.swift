extension SocketThread {
    /// Waits for an answer that something on this thread will give: `begin` gets the continuation there, and must see
    /// to it that it is resumed once. When the task is cancelled, `cancel` runs there; a cancellation that overtakes
    /// `begin` finds nothing to cancel, and is then seen by its flag.
    func answer<Answer: Sendable>(
        _ begin: @escaping @Sendable (CheckedContinuation<Answer, any Error>, CancellationFlag) -> Void,
        cancel: @escaping @Sendable () -> Void
    ) async throws -> Answer {
        try Task.checkCancellation()
        let cancellation = CancellationFlag()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                post { begin(continuation, cancellation) }
            }
        } onCancel: {
            cancellation.set()
            post(cancel)
        }
    }
}
