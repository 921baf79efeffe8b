/// Held by what a bus made; tells the bus when it was stopped, so that the bus does not stop it again.
struct EndpointLifetime: Sendable {
    let endpoints: OpenEndpoints
    let number: UInt64

    /// Repeating it does nothing.
    func end() { endpoints.forget(number) }
}
