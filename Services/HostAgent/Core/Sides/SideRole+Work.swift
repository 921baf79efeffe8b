import FoundationEssentials
import Hypervisor
import ServiceRuntime

/// Looking at sides beside the requests: shutting a guest down takes as long as the guest does.
extension SideRole {
    /// Works until the signal is given.
    nonisolated func hold(until stop: StopSignal) async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                await stop.wait()
                self.isDue.ring()
            }
            while !stop.isGiven, !Task.isCancelled {
                for protection in await takeDue() {
                    group.addTask {
                        await self.look(at: protection, shuttingDown: true)
                        await self.looked(protection)
                    }
                }
                await isDue.wait()
            }
            group.cancelAll()
        }
    }
}

extension SideStateMachine.Observation {
    init(_ guest: GuestDescription) {
        // Of the wall, because what is reckoned from it is kept over a restart of the host.
        self.init(
            power: guest.power.hasProcess ? .on : .off, autostart: guest.startsWithHost, run: guest.run,
            unixMilliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
    }
}
