import Logging

/// The files that a running guest's data goes to before it is overwritten, while a capture is open.
extension LibvirtHypervisor {
    /// Makes them as libvirt would: empty, upon the disk. Leaves none when it throws. Blocks.
    ///
    /// libvirt has QEMU make them, in a job. A guest that shuts down during that job takes QEMU with it: QEMU 7.2 fails
    /// an assertion (`bdrv_do_drained_begin_quiesce: !qemu_in_coroutine()`) and ends without having stored its bitmaps,
    /// and libvirt 9.0 waits 30 s for the job of a process that is gone.
    func makeScratchFiles(_ plan: CapturePlan) throws {
        try removeFiles(of: plan.name)
        try directory.makeLock(ofSocket: directory.socket(plan.name))
        for disk in plan.guest.disks {
            let file = directory.scratch(plan.name, disk: disk.target)
            do {
                try Program.run(
                    "qemu-img",
                    ["create", "-q", "-f", "qcow2", "-u", "-b", disk.source, "-F", disk.format, file]
                        + ["\(disk.sizeBytes)"])
                try directory.giveAway(file)
            } catch {
                try removeFiles(of: plan.name)
                throw HypervisorError(
                    .scratchFull,
                    "The scratch file of disk \(disk.target) of guest \(plan.guest.name) can not be made.",
                    cause: "\(error)", remedy: "See to it that \(directory.path) has space and can be written to.")
            }
        }
    }

    /// Looks after scratch space while a capture is open, and ends the job before the guest could notice.
    func watchScratch(of capture: OpenCapture) async {
        let budget = ScratchBudget(
            reserveBytes: settings.scratchReserveBytes, limitBytes: settings.scratchLimitBytes)
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: HypervisorLimits.scratchWatchInterval)
                let objection = try await call { [self] connection -> String? in
                    let domain = try connection.domain(capture.guest)
                    guard try domain.backup() != nil else { return "The backup job ended by itself." }
                    // QEMU is asked only when it matters, because asking keeps other jobs of the guest waiting.
                    let used = budget.limitBytes == nil ? 0 : try domain.scratchUsedBytes()
                    let objection = budget.objection(usedBytes: used, freeBytes: try directory.freeBytes())
                    if objection != nil { try endJob(of: domain) }
                    return objection
                }
                if let objection {
                    return lose(
                        capture,
                        HypervisorError(
                            .scratchFull, objection,
                            remedy: "Give the directory of captures more space, or replicate more often."))
                }
            } catch is CancellationError {
                return
            } catch {
                // libvirt may be restarting; the job is looked at again in a moment.
                logger.warning("scratch not seen", metadata: ["name": "\(capture.name)", "error": "\(error)"])
            }
        }
    }
}
