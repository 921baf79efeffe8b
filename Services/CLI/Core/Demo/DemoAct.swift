import Foundation

/// The acts of the demo, in the order in which they are played.
package enum DemoAct: String, Sendable, CaseIterable {
    case replication
    case test
    case planned
    case failback
    case disaster

    /// Played when nobody asks for others: only what was seen to work.
    package static let standard: [DemoAct] = [.replication]

    var needsOrchestrator: Bool { self != .replication }

    /// `replication,test,…`; in the order of the story, whatever the order of the words.
    ///
    /// - Throws: `OperatorError` with code `usage` for a word that is no act, and for acts that have nothing to begin with.
    package static func list(_ text: String) throws -> [DemoAct] {
        let words = text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        let wanted = try words.map { word in
            guard let act = DemoAct(rawValue: word) else {
                let acts = allCases.map(\.rawValue).joined(separator: ", ")
                throw OperatorError(.usage, "\"\(word)\" is no act of the demo", remedy: "some of: \(acts)")
            }
            return act
        }
        guard wanted.contains(.replication) else {
            throw OperatorError(
                .usage, "every other act begins with what replication leaves", remedy: "add replication")
        }
        guard !wanted.contains(.failback) || wanted.contains(.planned) else {
            throw OperatorError(.usage, "nobody can come home who never left", remedy: "add planned")
        }
        // After a planned failover alone the guest is at the site that is to survive.
        guard !(wanted.contains(.disaster) && wanted.contains(.planned)) || wanted.contains(.failback) else {
            throw OperatorError(
                .usage, "the disaster strikes the primary, where the guest has to be", remedy: "add failback")
        }
        return allCases.filter(wanted.contains)
    }
}
