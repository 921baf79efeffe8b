/// What both drivers say alike.
extension HypervisorError {
    static func guestNotFound(_ guest: String) -> HypervisorError {
        HypervisorError(.guestNotFound, "There is no guest \(guest) on this host.")
    }

    static func guestExists(name: String, uuid: String) -> HypervisorError {
        HypervisorError(
            .guestExists, "This host already has a guest \(name) (\(uuid)), which was not started from this replica.",
            remedy: "Undefine it, or rename it, when it is not needed.")
    }

    static func otherReplica(name: String, cycle: UInt64) -> HypervisorError {
        HypervisorError(
            .guestExists, "Guest \(name) was started from point \(cycle) of its replica.",
            remedy: "Stop the replica first; what the guest wrote since is then lost.")
    }

    static func tooLittleMemory(guest: String, needsBytes: UInt64, freeBytes: UInt64) -> HypervisorError {
        HypervisorError(
            .hostUnfit,
            "Guest \(guest) needs \(needsBytes >> 20) MiB of memory, and \(freeBytes >> 20) MiB are free on this host.",
            remedy: "End guests that are not needed here, or give the guest less memory.")
    }

    static func shutdownTimedOut(name: String, isPaused: Bool, limit: Duration) -> HypervisorError {
        isPaused
            ? HypervisorError(
                .shutdownTimedOut, "Guest \(name) is paused, so it can not shut down.",
                remedy: "Resume it, or allow that it is ended by force.")
            : HypervisorError(
                .shutdownTimedOut, "Guest \(name) did not shut down within \(limit): it runs, and may go off yet.",
                remedy: "Shut it down from inside, or allow that it is ended by force.")
    }

    static func runs(name: String) -> HypervisorError {
        HypervisorError(.wrongPowerState, "Guest \(name) is running.", remedy: "Shut it down first.")
    }

    /// Told to whoever needs the guest's disks to be all there is of it; trying again does not help.
    static func unfinished(_ finding: Finding) -> HypervisorError {
        HypervisorError(.wrongPowerState, finding.message, remedy: finding.remedy)
    }

    static func runsUntracked(name: String, cycle: UInt64) -> HypervisorError {
        HypervisorError(
            .wrongPowerState,
            "Guest \(name) runs already, and what it wrote since cycle \(cycle) was not tracked.",
            remedy: "Shut it down first.")
    }

    static func noReplica(name: String, directory: String) -> HypervisorError {
        HypervisorError(.guestNotFound, "Guest \(name) was not started from the replica in \(directory).")
    }

    static func noBaseImage(disk: String) -> HypervisorError {
        HypervisorError(.operationFailed, "No base image is named for disk \(disk).")
    }
}
