import Foundation

/// What it takes to emulate a TPM on this machine: swtpm, which libvirt starts as a user of its own.
package enum TPMPrerequisites {
    /// What is missing, as one sentence with its remedy; nil when a guest can have a TPM.
    ///
    /// libvirt hands TMPDIR on to swtpm, and tests make folders with the process's umask. Whether swtpm's user can enter
    /// is asked as that user, because the folders above count as well.
    package static var missing: String? {
        do {
            for program in ["swtpm", "swtpm_setup"] { try Tool.run([program, "--help"]) }
        } catch {
            return "swtpm does not run: apt-get install swtpm swtpm-tools"
        }
        guard geteuid() == 0, getpwnam("tss") != nil else { return nil }
        let made = "/tmp/bsc-tpm-\(UInt32.random(in: 0 ... .max))"
        defer { rmdir(made) }
        guard mkdir(made, 0o777) == 0, isOpen(made, to: "-x") else {
            return "swtpm's user cannot enter what is made here: umask 022"
        }
        let temporary = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        guard isOpen(temporary, to: "-w") else {
            return "swtpm's user cannot write to \(temporary): set TMPDIR=/tmp"
        }
        return nil
    }

    private static func isOpen(_ folder: String, to right: String) -> Bool {
        do {
            try Tool.run(["setpriv", "--reuid", "tss", "--regid", "tss", "--clear-groups", "test", right, folder])
            return true
        } catch {
            return false
        }
    }
}
