/// One step of a protection from side to side, as a run of the orchestrator asks for it.
enum FailoverStep: String, Hashable, CaseIterable, Sendable {
    case begin, retreat
    case activateTarget = "activate_target"
    case pend
    case changePoint = "change_point"
    case commit, cancel, reverse

    /// Whether it says which point the target's guest runs from.
    var namesCycle: Bool {
        switch self {
        case .activateTarget, .changePoint: true
        case .begin, .retreat, .pend, .commit, .cancel, .reverse: false
        }
    }
}

/// A step that a run took. The same again is a repetition, and answered with what is there.
struct StepTaken: Hashable, Sendable {
    var run: RegistryIdentifier
    var step: FailoverStep
    /// 0 for steps that name none.
    var cycle: UInt64
}

struct FailoverAdvance: Hashable, Sendable {
    /// Id of the protection, or name or UUID of its guest.
    var protection: String
    var expectedVersion: ExpectedVersion
    var step: StepTaken
    var reason: String
}
