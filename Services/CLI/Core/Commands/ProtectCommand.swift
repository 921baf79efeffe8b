package import ArgumentParser
import Messages

/// `bascule protect GUEST…` or `bascule protect --cloud NAME`
package struct ProtectCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "protect", abstract: "Keep a guest, or all guests of a cloud, as replicas at the target site.",
        discussion: """
            EXAMPLES
              bascule protect web1                        as the pair of clouds says
              bascule protect web1 web2 --wait            with a progress bar
              bascule protect db1 --target-host beta3 --policy every-second
              bascule protect --cloud gold                every guest on the cloud's hosts
              bascule protect web1 --wait --json          one document, when it is seeded
            """)

    @Argument(help: "Name or UUID of each guest.")
    var guests: [String] = []

    @Option(help: "Protect all guests of this cloud.")
    var cloud: String?

    @Option(help: "Host the guest runs on, when several have a guest of that name.")
    var sourceHost: String?

    @Option(help: "Cloud to replicate to, when its own cloud has several pairs.")
    var targetCloud: String?

    @Option(help: "Host to keep the replica; chosen by free space and memory when not given.")
    var targetHost: String?

    @Option(help: "Policy of this guest, instead of the pair's.")
    var policy: String?

    @Flag(help: "Wait until the first recovery point of each is there.")
    var wait = false

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func validate() throws {
        if cloud == nil && guests.isEmpty { throw ValidationError("Name a guest, or give --cloud.") }
        if cloud != nil && !guests.isEmpty { throw ValidationError("Name guests or a cloud, not both.") }
        if cloud != nil && (sourceHost != nil || targetHost != nil || policy != nil) {
            throw ValidationError("--source-host, --target-host and --policy go with single guests, not with --cloud.")
        }
    }

    package func perform(in session: OperatorSession) async throws {
        let vault = try await session.vault()
        var answer: ProtectCloudAnswer
        if let cloud {
            answer = try await vault.protectCloud(cloud, target: targetCloud)
        } else {
            answer = try await protectEach(through: vault)
        }
        let registry = session.json ? Registry() : try await vault.registry()
        // One document, which also says how the waiting ended; people see at once what was begun.
        if !(session.json && wait) {
            try session.answer(answer) { console in
                for line in Self.lines(for: answer, in: registry) { console.print(line) }
            }
        }
        if wait {
            let ended = await waitForEach(of: &answer, in: session)
            if session.json { try session.answer(answer) { _ in } }
            try ended.get()
        }
        if let refusal = answer.refused.first {
            let count = answer.refused.count
            throw OperatorError(
                .refused, count == 1 ? "\(refusal.guest) was refused" : "\(count) guests were refused",
                remedy: "mend what is said above, then repeat")
        }
    }

    /// Guests by name: one refusal is told at once, because nothing else was asked for; several are gathered.
    private func protectEach(through vault: VaultClient) async throws -> ProtectCloudAnswer {
        var answer = ProtectCloudAnswer(created: [], refused: [], already: [])
        for guest in guests {
            var order = ProtectOrder(guest: guest)
            order.sourceHost = sourceHost
            order.targetCloud = targetCloud
            order.targetHost = targetHost
            order.policy = policy
            do {
                answer.created.append(try await vault.protect(order))
            } catch let error as RemoteError where guests.count > 1 && error.code != .unavailable {
                answer.refused.append(.init(guest: guest, error: RemoteErrorRecord(error)))
            }
        }
        return answer
    }

    /// One after the other, and none after one that cannot be reached.
    private func waitForEach(
        of answer: inout ProtectCloudAnswer, in session: OperatorSession
    ) async -> Result<Void, any Error> {
        answer.waits = []
        for (position, protection) in answer.created.enumerated() {
            do {
                let ended = try await StateWait.run(in: session, protection: protection, goal: .firstPoint)
                answer.created[position] = ended.protection
                answer.waits?.append(ended.wait)
            } catch {
                answer.waits?.append(WaitRecord(protection, reached: false))
                return .failure(error)
            }
        }
        return .success(())
    }

    static func lines(for answer: ProtectCloudAnswer, in registry: Registry) -> [String] {
        var lines = answer.created.map { protection in
            "\(protection.guest): protected from \(registry.hostName(protection.sourceHost))"
                + " to \(registry.hostName(protection.targetHost)) (\(protection.id))"
        }
        lines += answer.already.map { "\($0): was protected already" }
        for refusal in answer.refused {
            lines.append("\(refusal.guest): refused: \(refusal.error.message) \(refusal.error.remedy)")
        }
        if lines.isEmpty { lines.append("There is no guest to protect in that cloud.") }
        return lines
    }
}
