/// A guest that is to be thawed, or to be rid of a backup job of ours, and was not when that was due.
struct OwedGuest: Sendable {
    /// Captures whose files go once no job needs them.
    var captures: Set<CheckpointName>
    /// Tries again until nothing is owed.
    let task: Task<Void, Never>
}

/// What an attempt at what a guest is owed came to.
struct Settling: Sendable {
    /// Whether nothing is owed any more.
    var isSettled: Bool
    /// What was done, in sentences.
    var done: [String] = []
}
