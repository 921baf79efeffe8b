/// Steps of starting, stopping, committing and adopting, each after it was done. Tests end the agent there: what comes
/// after must do as if it had been killed.
package enum StartedStep: String, Sendable, CaseIterable {
    case startRecorded, startMarked, startViewServed, startGuestRuns
    case stopJudged, stopRecorded, stopGuestRemoved, stopViewEnded, stopUnmarked
    case baseRecorded, baseFolded, baseDefined, baseHandedOver, baseGuestRuns, baseNoted, baseReleased
    case commitRecorded, commitSettled, coldOnBase, coldViewEnded
    case adoptKept, adoptSourceReleased, adoptStripped, adoptMade
    case returnSettled, returnAbsorbed, returnGuestRemoved
}

/// Called after each step. Throwing `CancellationError` is what being killed there looks like: nothing is taken back.
package typealias StartedStepHook = @Sendable (StartedStep) throws -> Void
