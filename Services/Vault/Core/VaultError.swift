/// Why the vault did not do what it was asked.
///
/// `code` is to branch on, `message` is one sentence for a person that names the subject, `remedy` says what to do
/// next, and `facts` hold the values that were compared.
struct VaultError: Error, Hashable {
    enum Code: String, Hashable, CaseIterable, Sendable {
        /// The request itself is wrong; repeating it never helps.
        case invalidArgument
        case notFound
        case alreadyExists
        /// The version that the caller expected is no longer current.
        case conflict
        /// The caller acts for an older generation and is fenced.
        case staleGeneration
        /// A rule forbids it now.
        case failedPrecondition
        /// A bound of ``VaultLimits`` or the disk is full.
        case resourceExhausted
        /// Something it needs does not answer now.
        case unavailable
        /// The vault does not answer this request.
        case unimplemented
        /// What the database holds contradicts itself.
        case corruptData
        /// The database could not be read or written.
        case storage
    }

    let code: Code
    let message: String
    let remedy: String
    let facts: [String: String]

    init(_ code: Code, _ message: String, remedy: String, facts: [String: String] = [:]) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.facts = facts
    }
}

extension VaultError: CustomStringConvertible {
    var description: String {
        let facts = facts.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        return "\(code.rawValue): \(message) \(remedy)\(facts)"
    }
}
