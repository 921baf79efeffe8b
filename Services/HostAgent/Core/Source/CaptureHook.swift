import BlockDevice
import Hypervisor

/// A program of the operator's that is run once a capture is open and before it is answered: to inspect the disks as
/// they are at that instant, or to note something beside the point.
///
/// It gets `BASCULE_PROTECTION`, `BASCULE_CYCLE`, `BASCULE_GUEST` (its UUID) and, for each disk,
/// `BASCULE_DISK_<TARGET>` (`BASCULE_DISK_VDA`) with the address that the disk can be read at. When it fails, or does
/// not end in time, the capture is closed as abandoned.
package struct CaptureHook: Sendable {
    package var program: String
    private let threads = BlockingThreads(name: "hook", threads: HostAgentLimits.captureHookThreads)

    package init(program: String) { self.program = program }

    func run(protection: String, guest: String, capture: CaptureDescription) async throws {
        var environment = [
            "BASCULE_PROTECTION": protection, "BASCULE_CYCLE": "\(capture.cycle)", "BASCULE_GUEST": guest,
        ]
        for disk in capture.disks { environment["BASCULE_DISK_\(disk.disk.target.uppercased())"] = disk.nbdURI }
        let result = try await threads.run { [program, environment] in
            try ChildProcess(program, [], environment: environment)
                .waitUntilEnd(within: HostAgentLimits.captureHookDeadline)
        }
        guard result.exitCode == 0, !result.isLate else {
            throw HostAgentError(
                .unavailable,
                result.isLate
                    ? "The capture hook did not end within \(HostAgentLimits.captureHookDeadline)."
                    : "The capture hook failed with exit code \(result.exitCode).",
                remedy: "Mend the program, or remove the setting `captureHook`.",
                facts: ["program": program, "output": String(result.output.suffix(1_000))])
        }
    }
}
