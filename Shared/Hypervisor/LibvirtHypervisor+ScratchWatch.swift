import Logging

extension LibvirtHypervisor {
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
