/// The worker as a whole, as a value: which jobs fill its slots, and whether it asks for more.
package struct SlotStateMachine: Sendable {
    package struct JobKey: Hashable, Sendable {
        package var job: String
        package var attempt: UInt32

        package init(job: String, attempt: UInt32) {
            self.job = job
            self.attempt = attempt
        }
    }

    package enum Phase: Sendable, Equatable {
        case working(running: Set<JobKey>)
        /// Told to stop: no new job is begun; what runs may finish until the grace ends.
        case stopping(running: Set<JobKey>)
        case stopped
    }

    package enum Action: Sendable, Equatable {
        /// Ask the job board for at most this many jobs.
        case pull(freeSlots: Int)
        /// Every slot is taken: wait until a job ends.
        case waitForSlot
        /// Wait for these, then stop.
        case drain(Set<JobKey>)
        case stop
    }

    package let slots: Int
    package private(set) var phase: Phase = .working(running: [])

    package init(slots: Int) {
        precondition((1...ReplicationWorkerLimits.slotsMaximum).contains(slots), "slots are checked with the settings")
        self.slots = slots
    }

    package var next: Action {
        switch phase {
        case .working(let running):
            running.count < slots ? .pull(freeSlots: slots - running.count) : .waitForSlot
        case .stopping(let running): running.isEmpty ? .stop : .drain(running)
        case .stopped: .stop
        }
    }

    package enum StartAction: Sendable, Equatable {
        case start
        /// Already running here: the lease was answered twice.
        case ignore
        /// Give the lease back: stopping, or more jobs came than slots were free.
        case giveBack
    }

    package mutating func pulled(_ key: JobKey) -> StartAction {
        switch phase {
        case .working(var running):
            guard !running.contains(key) else { return .ignore }
            guard running.count < slots else { return .giveBack }
            running.insert(key)
            phase = .working(running: running)
            return .start
        case .stopping(let running):
            return running.contains(key) ? .ignore : .giveBack
        case .stopped:
            return .giveBack
        }
    }

    package mutating func ended(_ key: JobKey) {
        switch phase {
        case .working(var running):
            precondition(running.remove(key) != nil, "a job ends once")
            phase = .working(running: running)
        case .stopping(var running):
            precondition(running.remove(key) != nil, "a job ends once")
            phase = running.isEmpty ? .stopped : .stopping(running: running)
        case .stopped:
            preconditionFailure("a job ended after the last one")
        }
    }

    package mutating func stop() {
        switch phase {
        case .working(let running): phase = running.isEmpty ? .stopped : .stopping(running: running)
        case .stopping, .stopped: break
        }
    }
}
