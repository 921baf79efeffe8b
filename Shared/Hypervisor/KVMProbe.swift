import Synchronization

/// Whether this host can really run guests under KVM: `/dev/kvm` may be there, and guests hang all the same, as on
/// some machines that are guests themselves. So a machine with nothing but its firmware is started, and has to come as
/// far as looking for something to boot. Asked once per process.
final class KVMProbe: Sendable {
    private let known = Mutex<Bool?>(nil)

    /// Blocks, at first for as long as a firmware needs.
    func works(emulator: String, architecture: String) -> Bool {
        // Only SeaBIOS tells its steps on a port; elsewhere libvirt's word counts.
        guard architecture == "x86_64" || architecture == "i686" else { return true }
        return known.withLock { known in
            if let known { return known }
            let works = boots(emulator)
            known = works
            return works
        }
    }

    private func boots(_ emulator: String) -> Bool {
        let arguments = [
            "-nodefaults", "-no-user-config", "-machine", "q35,accel=kvm", "-m", "64", "-display", "none",
            "-chardev", "stdio,id=debug,signal=off", "-device", "isa-debugcon,iobase=0x402,chardev=debug",
        ]
        do {
            let words = "Booting from"
            let result = try ChildProcess(emulator, arguments).waitUntilEnd(
                within: HypervisorLimits.kvmProbeTime, orUntilItSays: words)
            return result.output.contains(words)
        } catch {
            // An emulator that does not start runs no guest either.
            return false
        }
    }
}
