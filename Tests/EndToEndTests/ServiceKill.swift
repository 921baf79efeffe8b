import Foundation
import LocalSites
import MessageBus
import Messages
import Testing

/// One service that is ended with SIGKILL while a run is at one of its steps, and started again.
struct ServiceKill: Hashable, CustomStringConvertible {
    static let services = ["orchestrator", "vault", "policy", "primary", "secondary"]

    var kind: RunKind
    var step: String
    var service: String

    var description: String { "\(service) killed at \(step) of a \(kind)" }

    /// All that can be made of a run, told from the steps that it is going to have.
    static func all(of planned: Run) -> [ServiceKill] {
        planned.steps.flatMap { step in
            services.map { ServiceKill(kind: planned.kind, step: step.name, service: $0) }
        }
    }
}

extension TwoSites {
    /// The run that would be made, and nothing done.
    func foreseen(
        _ kind: RunKind, _ protection: String, _ fill: (inout StartRun) -> Void = { _ in }
    ) async throws -> Run {
        try await client.begin(kind, protection) {
            fill(&$0)
            $0.dryRun = true
        }
    }

    /// A run to its end, with one service killed once meanwhile.
    ///
    /// Steps end within milliseconds, so what is killed at a step may be killed just after it: the sentence that comes
    /// with the run says at which it was.
    func perform(
        _ kill: ServiceKill, _ protection: String, _ fill: (inout StartRun) -> Void = { _ in }
    ) async throws -> (run: Run, hit: String) {
        let begun = try await client.begin(kill.kind, protection, fill)
        var steps: [RunStep] = begun.steps
        let deadline = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < deadline, !Self.isReached(kill.step, by: steps) {
            // Asked this often because a step may be over within milliseconds.
            try await Task.sleep(for: .milliseconds(1))
            let run = try await client.run(begun.id)
            steps = run.steps
            if run.state == .succeeded || run.state == .failed { break }
        }
        let killed = Int64(Date().timeIntervalSince1970 * 1_000)
        try await sites.crash(kill.service)
        // Dead for a while, because one that is back before anybody asks it was hardly missed.
        try await Task.sleep(for: .milliseconds(300))
        try await sites.start(kill.service)
        let run = try await client.finish(begun, within: .seconds(150))
        let hit = run.steps.last { $0.startedUnixMs > 0 && $0.startedUnixMs <= killed }
        let isInside = hit.map { $0.endedUnixMs == 0 || $0.endedUnixMs >= killed } ?? false
        return (run, "\(isInside ? "inside" : "after") \(hit?.name ?? "nothing")")
    }

    private static func isReached(_ name: String, by steps: [RunStep]) -> Bool {
        guard let index = steps.firstIndex(where: { $0.name == name }) else { return true }
        return steps[index...].contains { $0.state != .pending && $0.state != .unspecified }
    }
}
