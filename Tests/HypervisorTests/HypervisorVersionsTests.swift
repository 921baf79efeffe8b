import Glibc
import Testing

@testable import Hypervisor

@Suite struct HypervisorVersionsTests {
    @Test func whatMakesIncrementalBackupsWillDo() {
        for versions in [
            HypervisorVersions(library: 7_006_000, emulator: 6_001_000),
            HypervisorVersions(library: 9_000_000, emulator: 7_002_019),
        ] {
            #expect(versions.prerequisites.allSatisfy { $0.isMet && $0.remedy.isEmpty })
        }
        #expect(HypervisorVersions(library: 9_000_000, emulator: 7_002_019).text == "QEMU 7.2.19, libvirt 9.0.0")
    }

    @Test func whatIsTooOldIsNamedWithWhatIsNeeded() {
        let items = HypervisorVersions(library: 7_005_000, emulator: 6_000_050).prerequisites
        #expect(items.map(\.isMet) == [false, false])
        #expect(items[0].detail == "7.5.0 makes no incremental backups; 7.6.0 does")
        #expect(items[0].remedy.contains("7.6.0 or later (libvirt-daemon-system)"))
        #expect(items[1].detail == "6.0.50 makes no incremental backups; 6.1.0 does")
    }

    @Test func withoutKVMThereIsANoteAndNoFailure() {
        let missing = VirtualizationSupport.prerequisite(device: "/dev/null/kvm")
        #expect(missing.isMet && missing.remedy.isEmpty)
        #expect(missing.detail.hasPrefix("note: /dev/null/kvm: ") && missing.detail.contains("emulation"))
        // What a container of a machine without KVM has in its place.
        let another = VirtualizationSupport.prerequisite(device: "/dev/null")
        #expect(another.isMet && another.detail.hasPrefix("note: /dev/null: Inappropriate ioctl"))
    }

    @Test(.enabled(if: access("/dev/kvm", R_OK | W_OK) == 0, "needs /dev/kvm")) func whereKVMIsItIsSaid() {
        #expect(VirtualizationSupport.prerequisite().detail == "/dev/kvm is there")
    }
}
