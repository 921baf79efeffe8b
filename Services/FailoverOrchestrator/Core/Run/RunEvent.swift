/// What happens to a run.
enum RunEvent: Hashable, Sendable {
    /// It was just stored, or the service was started again: it goes on where it was.
    case begun
    /// Answer to the call of this number.
    case answered(UInt64, Result<RunAnswer, OrchestratorError>)
    /// The time of the wake-up of this number has come.
    case timePassed(UInt64)
    /// An operator: try again at once.
    case resumeAsked
    /// An operator: take it back, as far as it can be.
    case abandonAsked
}

/// What has to be done for a run, in this order.
enum RunAction: Hashable, Sendable {
    case store(RunRecord)
    case ask(RunOrder)
    /// Wakes the machine at a time; a later action makes it void.
    case wake(at: RunTime, number: UInt64)
}

/// One call, with what it travels under.
struct RunOrder: Hashable, Sendable {
    var number: UInt64
    var call: RunCall
    var run: String
    var protection: String
    var guestUUID: String
    var generation: UInt64
    /// Nil for mere questions.
    var operation: OperationSeed?
    /// Where the agent is; empty for vault and policy service.
    var endpoint: String
    var deadlineMilliseconds: Int64
}

/// What an operation's identifier is made from: the same before and after the service was killed inside the call, and
/// another one for every other call and every other try.
struct OperationSeed: Hashable, Sendable {
    var text: String

    /// Two FNV-1a sums (http://www.isthe.com/chongo/tech/comp/fnv/), the second of the text backwards, because 128
    /// evenly spread bits are wanted that are the same in every process; nothing secret depends on them.
    var halves: (UInt64, UInt64) { (Self.sum(text.utf8), Self.sum(text.utf8.reversed())) }

    private static func sum(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
