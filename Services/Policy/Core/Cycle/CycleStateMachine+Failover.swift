// A change of sides ends a cycle of before, without waiting for hosts that may be dead.

extension CycleStateMachine {
    /// Whether the protection has another generation or other hosts than this cycle was begun under.
    func isSuperseded(_ record: CycleRecord) -> Bool {
        record.generation != entry.generation || record.sourceHost != entry.sourceHost
            || record.targetHost != entry.targetHost
    }

    /// Drops an open cycle of a former generation. Each side is asked once to clean up and nobody's answer is awaited,
    /// because an agent that hears of the newer generation clears what it has of an older one by itself, and a capture
    /// that is not kept ends by its watch-dog.
    ///
    /// A commit that is in doubt stays in doubt: nothing is said to the source, which therefore keeps both checkpoints.
    /// Before the next cycle the target is asked whether it made the point.
    mutating func giveUp(_ flight: CycleInFlight, now: PolicyTime, _ actions: inout [CycleAction]) {
        let record = flight.record
        switch phase {
        case .transferring:
            actions.append(.withdraw(cycle: record.cycle))
            partWithBoth(record, &actions)
        case .openingCapture, .openingTarget, .verifying, .abandoning:
            partWithBoth(record, &actions)
        case .committing, .doubting, .aborting:
            progress.doubtful = record.cycle
        case .closing:
            _ = ask(record.sourceHost, record, .closeCommitted(cycle: record.cycle), &actions)
        case .resting, .inspecting, .releasing, .released, .forgotten:
            // Left behind by a former run of the service; its stage tells what may be said.
            switch record.stage {
            case .opened: partWithBoth(record, &actions)
            case .committing: progress.doubtful = record.cycle
            case .committed: _ = ask(record.sourceHost, record, .closeCommitted(cycle: record.cycle), &actions)
            }
        }
        if progress.asked.isUnderWay(in: record.cycle) {
            progress.asked = mayGoOn ? .waiting(progress.asked.consistency) : .no
        }
        status.stopped()
        actions.append(.store(.putProgress(progress)))
        actions.append(.store(.clearOpenCycle(entry.id)))
        phase = .resting
    }

    private mutating func partWithBoth(_ record: CycleRecord, _ actions: inout [CycleAction]) {
        _ = ask(record.sourceHost, record, .closeAbandoned(cycle: record.cycle, keep: record.parent), &actions)
        _ = ask(record.targetHost, record, .abortCycle(cycle: record.cycle), &actions)
    }

    /// The target holds another cycle than it should, or one of this number or a later one already: the disks of an old
    /// source begin at a number of their own.
    static func disagrees(_ error: PolicyError) -> Bool {
        switch error.code {
        case .wrongParent, .alreadyExists, .conflict: true
        case .invalidArgument, .notFound, .staleGeneration, .failedPrecondition, .resourceExhausted, .unavailable,
            .deadlineExceeded, .unsupportedVersion, .unimplemented, .corruptData, .leaseLost, .internal:
            false
        }
    }
}
