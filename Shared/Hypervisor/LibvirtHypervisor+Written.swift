import BlockDevice

extension LibvirtHypervisor {
    package func written(
        by guest: String, of protection: String, since cycle: UInt64
    ) async throws -> [String: [Range<UInt64>]] {
        // One that is open shows another cycle, or this one for somebody else.
        try await closeCapture(protection: protection, guest: guest, cycle: 0, keepCheckpointOfCycle: cycle)
        let request = CaptureRequest(
            protection: protection, guest: guest, cycle: cycle + 1, kind: .incremental(parentCycle: cycle))
        let capture = try await openCapture(request)
        do {
            guard capture.isOffline else {
                throw HypervisorError(.wrongPowerState, "The guest runs, so it may still write.")
            }
            let written = try await written(capture)
            try await verifyCapture(protection: protection, cycle: capture.cycle)
            try await closeCapture(protection: protection, guest: guest, cycle: 0, keepCheckpointOfCycle: cycle)
            return written
        } catch {
            try await closeCapture(protection: protection, guest: guest, cycle: 0, keepCheckpointOfCycle: cycle)
            throw error
        }
    }

    private func written(_ capture: CaptureDescription) async throws -> [String: [Range<UInt64>]] {
        var written: [String: [Range<UInt64>]] = [:]
        for disk in capture.disks {
            guard let context = disk.bitmapContext else {
                // Its images look as they did when this cycle was captured.
                written[disk.disk.target] = []
                continue
            }
            var ranges = BoundedRanges(maximum: BlockDeviceLimits.writtenRangesPerDisk)
            let reader = try await connector.connect(uri: disk.nbdURI, contexts: [context])
            do {
                try await reader.forEachChangedExtent(in: 0..<reader.sizeBytes, bitmapContext: context) { extent in
                    ranges.add(extent.range)
                }
                await reader.close()
            } catch {
                await reader.close()
                throw Self.asHypervisorError(error)
            }
            written[disk.disk.target] = ranges.ranges
        }
        return written
    }
}
