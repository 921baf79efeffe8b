import Replica

extension RunOrder.Point {
    /// The point that an operator named. A time or an identifier is looked up among the points that the target holds;
    /// the rest the orchestrator chooses itself, at the moment when it counts.
    static func named(_ text: String, of guest: String, in session: OperatorSession) async throws -> Self {
        let name = try PointName(naming: text)
        switch name {
        case .latest: return .latest
        case .latestApplicationConsistent: return .latestApplicationConsistent
        case .latestVerified: return .latestVerified
        case .cycle(let cycle): return .cycle(cycle)
        case .identifier, .atOrBefore:
            let registry = try await session.vault().registry()
            let protection = try registry.protection(named: guest)
            let agent = try await session.agent(of: try registry.targetHost(of: protection))
            return .cycle(try name.choose(from: await agent.points(of: protection.id), of: guest).cycle)
        }
    }
}
