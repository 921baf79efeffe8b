/// What a handler does that never answers by itself.
func hangUntilCancelled() async throws -> Never {
    let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
    // Nothing is ever put in, so this ends when the task is cancelled.
    for await _ in stream {}
    continuation.finish()
    throw CancellationError()
}
