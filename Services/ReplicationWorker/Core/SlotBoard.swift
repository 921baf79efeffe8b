/// Holds the worker's slots for the tasks that fill and free them.
actor SlotBoard {
    private var machine: SlotStateMachine
    private var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    private var nextWaiter = 0
    /// Jobs that were begun since the start.
    private(set) var begun: UInt64 = 0

    init(slots: Int) { machine = SlotStateMachine(slots: slots) }

    var next: SlotStateMachine.Action { machine.next }

    var runningJobs: Int {
        switch machine.phase {
        case .working(let running), .stopping(let running): running.count
        case .stopped: 0
        }
    }

    func pulled(_ key: SlotStateMachine.JobKey) -> SlotStateMachine.StartAction {
        let action = machine.pulled(key)
        if action == .start { begun += 1 }
        return action
    }

    func ended(_ key: SlotStateMachine.JobKey) {
        machine.ended(key)
        wake()
    }

    func stop() {
        machine.stop()
        wake()
    }

    /// Returns when the next action is another than waiting for a job to end.
    func changed() async {
        switch machine.next {
        case .pull, .stop: return
        case .waitForSlot, .drain: break
        }
        nextWaiter += 1
        let number = nextWaiter
        await withCheckedContinuation { waiting[number] = $0 }
    }

    private func wake() {
        for continuation in waiting.values { continuation.resume() }
        waiting = [:]
    }
}
