/// Decides what happens next while a capture of a running guest is opened.
///
/// ```
/// ready ──start──► freezing ──► beginning ──► thawing ──► counting ──► open
///            └───(no freeze)───────┘  │           │           │
///                                     └───────────┴── undoing ◄┘──► failed
/// ```
/// Invariants:
/// - after `freeze` was asked for, `thaw` is asked for before anything that can take long, and before the machine is
///   done, whatever failed: a freeze that failed may have frozen a part;
/// - after `begin` succeeded, the machine ends `open`, or `undo` is asked for;
/// - `open` says application-consistent only when the guest was frozen for certain at the instant.
///
/// Our caller feeds what happened to the last action; anything else is a mistake of ours and traps.
struct CaptureStateMachine: Sendable {
    enum Event: Sendable {
        case start
        case frozen
        case freezeFailed(String)
        /// The watchdog thawed the guest because the limit passed.
        case limitPassed
        case begun
        case beginFailed(HypervisorError)
        case thawed
        case thawFailed(HypervisorError)
        case counted
        case countFailed(HypervisorError)
        case undone
    }

    enum Action: Sendable {
        case freeze
        case begin
        case thaw
        case count
        /// End the job, delete the new checkpoint, remove files.
        case undo
        case reportOpen(CaptureConsistency, note: String)
        case reportFailure(HypervisorError)
        /// Go on with what is under way.
        case wait
    }

    private enum Frost: Sendable {
        case never(note: String)
        case frozen
        /// Thawed by the watchdog before the instant was certain.
        case thawedEarly
    }

    private enum Outcome: Sendable {
        case begun(CaptureConsistency, note: String)
        case notBegun(HypervisorError)
        /// The freeze failed and the guest is thawed before the backup begins.
        case freezeFailed(String)
    }

    private enum State: Sendable {
        case ready(freezes: Bool)
        case freezing
        case beginning(Frost)
        case thawing(Outcome)
        case counting(CaptureConsistency, note: String)
        case undoing(HypervisorError)
        case open
        case failed
    }

    private var state: State

    init(freezes: Bool) {
        state = .ready(freezes: freezes)
    }

    mutating func handle(_ event: Event) -> Action {
        let (next, action) = transition(event)
        state = next
        return action
    }

    private func transition(_ event: Event) -> (State, Action) {
        switch (state, event) {
        case (.ready(freezes: true), .start):
            return (.freezing, .freeze)
        case (.ready(freezes: false), .start):
            return (.beginning(.never(note: "")), .begin)

        case (.freezing, .frozen):
            return (.beginning(.frozen), .begin)
        case (.freezing, .freezeFailed(let why)):
            return (.thawing(.freezeFailed(why)), .thaw)
        case (.freezing, .limitPassed):
            return (.freezing, .wait)

        case (.beginning(.frozen), .limitPassed):
            return (.beginning(.thawedEarly), .wait)
        case (.beginning(let frost), .limitPassed):
            return (.beginning(frost), .wait)
        case (.beginning(let frost), .begun):
            return afterBegin(frost)
        case (.beginning(.never), .beginFailed(let error)):
            return (.failed, .reportFailure(error))
        case (.beginning, .beginFailed(let error)):
            return (.thawing(.notBegun(error)), .thaw)

        case (.thawing(let outcome), .limitPassed):
            return (.thawing(outcome), .wait)
        case (.thawing(.freezeFailed(let why)), .thawed):
            return (.beginning(.never(note: "File systems could not be frozen: \(why)")), .begin)
        case (.thawing(.freezeFailed), .thawFailed(let error)):
            return (.failed, .reportFailure(error))
        case (.thawing(.begun(let consistency, let note)), .thawed):
            return (.counting(consistency, note: note), .count)
        case (.thawing(.begun), .thawFailed(let error)):
            return (.undoing(error), .undo)
        case (.thawing(.notBegun(let error)), .thawed), (.thawing(.notBegun), .thawFailed(let error)):
            return (.failed, .reportFailure(error))

        case (.counting(let consistency, let note), .counted):
            return (.open, .reportOpen(consistency, note: note))
        case (.counting, .countFailed(let error)):
            return (.undoing(error), .undo)
        case (.undoing(let error), .undone):
            return (.failed, .reportFailure(error))

        case (.ready, _), (.freezing, _), (.beginning, _), (.thawing, _), (.counting, _), (.undoing, _), (.open, _),
            (.failed, _):
            preconditionFailure("\(event) can not happen in \(state)")
        }
    }

    private func afterBegin(_ frost: Frost) -> (State, Action) {
        switch frost {
        case .never(let note):
            return (.counting(.crash, note: note), .count)
        case .frozen:
            return (.thawing(.begun(.application, note: "")), .thaw)
        case .thawedEarly:
            let note = "The freeze limit passed before the disks were captured, so the guest was thawed early."
            return (.thawing(.begun(.crash, note: note)), .thaw)
        }
    }
}
