import Messages

@testable import OperatorCLI

/// Runs as the orchestrator answers them, to be varied by tests.
enum RunSamples {
    static let id = "1a2b3c4d-0000-0000-0000-000000000000"

    /// Three steps; those before `current` are done, `current` is under way, the rest is still to come.
    static func run(_ kind: RunKind, _ state: RunState, current: Int = 1) -> Run {
        var run = Run()
        run.id = id
        run.kind = kind
        run.protection = WireSamples.protectionID
        run.guestName = "web1"
        run.state = state
        run.fromHost = "alpha"
        run.toHost = "beta"
        run.rpoMs = -1
        run.rtoMs = -1
        run.startedUnixMs = 1_795_405_491_000
        run.requestedBy = "cli/tester"
        for (index, title) in ["Choose the point", "Fetch the last delta", "Start the guest at beta"].enumerated() {
            var step = RunStep()
            step.number = UInt32(index + 1)
            step.name = "step-\(index + 1)"
            step.title = title
            step.state = index + 1 < current ? .done : index + 1 == current ? .running : .pending
            if index + 1 < current {
                step.startedUnixMs = 1_795_405_491_000
                step.endedUnixMs = 1_795_405_491_200
            }
            run.steps.append(step)
        }
        return run
    }

    static func succeeded(_ kind: RunKind) -> Run {
        var run = run(kind, .succeeded, current: 4)
        run.endedUnixMs = 1_795_405_492_400
        run.cycle = 17
        run.capturedUnixMs = 1_795_405_490_150
        run.rpoMs = 850
        run.rtoMs = 1_200
        run.startedGuest = "web1"
        return run
    }

    static func record(_ kind: RunKind, _ state: RunState, current: Int = 1) -> RunRecord {
        RunRecord(wire: run(kind, state, current: current))
    }
}
