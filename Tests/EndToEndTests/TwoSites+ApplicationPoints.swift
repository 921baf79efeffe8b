import LocalSites
import MessageBus
import Messages

extension TwoSites {
    /// Asks for one, again every ten seconds: a guest whose agent does not answer within a second, as on a busy machine, is
    /// not frozen, and a crash-consistent point is made in its place.
    @discardableResult
    func applicationPoint(of protection: String, after cycle: UInt64) async throws -> RecoveryPoint {
        var asked: ContinuousClock.Instant?
        return try await eventually("an application-consistent point", within: .seconds(120)) {
            if asked.map({ .now - $0 > .seconds(10) }) ?? true {
                asked = .now
                try await askForApplicationPoint(of: protection)
            }
            return try await client.points(protection).first { $0.cycle > cycle && $0.consistency == .application }
        }
    }

    func askForApplicationPoint(of protection: String) async throws {
        var trigger = TriggerCycle()
        trigger.protection = protection
        trigger.consistency = .application
        _ = try await client.policy.policy(.triggerCycle(trigger))
    }
}
