import Glibc
import Hypervisor

/// How long a process that ended and has no parent left stays in the process table.
///
/// QEMU goes into the background, so it is for the first process of the machine or container to bury it, and libvirt
/// takes a guest for running until then: each shutdown, and with it each planned failover, takes as much longer.
enum Burial {
    /// Leaves a process behind that ends at once, and looks until it is gone. Blocks.
    ///
    /// - Returns: nil when it is still there after the limit.
    static func milliseconds(within limit: Duration) throws -> Int64? {
        let said = try Program.run(
            "sh", ["-c", ": >/dev/null 2>&1 & echo $!"], within: HostAgentLimits.doctorCommandDeadline)
        guard let process = Int32(said.prefix { $0.isNumber }) else {
            throw HostAgentError(
                .processFailed, "The shell did not tell the number of its child.",
                remedy: "Check that sh is a POSIX shell.", facts: ["said": said])
        }
        let began = ContinuousClock.now
        while access("/proc/\(process)", F_OK) == 0 {
            guard ContinuousClock.now - began < limit else { return nil }
            usleep(HostAgentLimits.burialPollMicroseconds)
        }
        let time = (ContinuousClock.now - began).components
        return time.seconds * 1_000 + time.attoseconds / 1_000_000_000_000_000
    }
}
