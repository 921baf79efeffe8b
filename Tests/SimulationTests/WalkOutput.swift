/// What a service wants done after it stored what it decided.
enum WalkOutput {
    case ask(WalkQuestion)
    /// To the question of this number.
    case answer(Int, WalkReply)
    case wake(at: Int64, WalkAlarm)
    case grant(worker: Int, [WalkGrant])
}

enum WalkAlarm {
    case policy
    case run(String, number: UInt64)
}

/// A transfer job as a worker gets it.
struct WalkGrant {
    var job: String
    var attempt: UInt32
    var cycle: UInt64
    var token: [UInt8]
    var address: String
    var offset: UInt64
    var length: UInt64
    /// Blocks that are sent whether they changed or not.
    var diverged: Set<Int>
}

/// Where a service is killed while it handles one event.
enum WalkKill {
    /// What it decided is lost with it.
    case beforeStoring
    /// What it decided is stored, and none of it is done.
    case afterStoring
}
