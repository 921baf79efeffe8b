import CLibvirt
import Testing

@testable import Hypervisor

struct DomainPowerTests {
    private func off(_ reason: virDomainShutoffReason, hasSavedMemory: Bool = false) -> DomainPower {
        DomainPower(
            state: Int32(VIR_DOMAIN_SHUTOFF.rawValue), reason: Int32(reason.rawValue), hasSavedMemory: hasSavedMemory)
    }

    @Test func aGuestThatIsOffTellsHowItEnded() {
        #expect(off(VIR_DOMAIN_SHUTOFF_SHUTDOWN).state == .shutOff && off(VIR_DOMAIN_SHUTOFF_SHUTDOWN).end == .shutDown)
        #expect(off(VIR_DOMAIN_SHUTOFF_DESTROYED).end == .unknown)
        // Dropped since, its memory is of no interest.
        #expect(off(VIR_DOMAIN_SHUTOFF_SAVED).end == .unknown)
        // libvirt forgets reasons, and not the memory.
        #expect(off(VIR_DOMAIN_SHUTOFF_SAVED, hasSavedMemory: true).end == .saved)
        #expect(off(VIR_DOMAIN_SHUTOFF_UNKNOWN, hasSavedMemory: true).end == .saved)
    }

    @Test func oneThatWentToAnotherHostIsNotTakenForAnyOther() {
        #expect(off(VIR_DOMAIN_SHUTOFF_MIGRATED).end == .migrated(mark: nil))
        // What it saved before it went is older still.
        #expect(off(VIR_DOMAIN_SHUTOFF_MIGRATED, hasSavedMemory: true).end == .migrated(mark: nil))
    }

    @Test func oneThatRunsHasNotEnded() {
        for (state, power) in [(VIR_DOMAIN_RUNNING, PowerState.running), (VIR_DOMAIN_PAUSED, .paused)] {
            let seen = DomainPower(state: Int32(state.rawValue), reason: 1, hasSavedMemory: false)
            #expect(seen.state == power && seen.end == nil)
        }
        #expect(
            DomainPower(state: Int32(VIR_DOMAIN_CRASHED.rawValue), reason: 0, hasSavedMemory: false).end == .unknown)
    }
}
