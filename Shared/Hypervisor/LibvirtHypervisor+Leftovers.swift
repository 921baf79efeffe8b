import Logging
import Synchronization

/// What an earlier run of this program left on the host: jobs, frozen guests, files and processes.
///
/// A guest's share is a debt like any other (`+Owed.swift`), which is seen to at once and which a start waits for only a
/// moment. So a guest that hangs holds up neither another one nor the start: what is not cleared in time goes on being
/// cleared, in the guest's turn, and before any capture that is asked for afterwards.
extension LibvirtHypervisor {
    package func clearLeftovers(protections: Set<String>?) async throws -> [String] {
        // From here on jobs of an earlier run are ours to end.
        try directory.remove(directory.keeper)
        let guests = try await call { [self] connection in
            try connection.domains().filter { try mayHaveLeftovers($0, isAny: protections != nil) }
                .map { (uuid: $0.uuid, name: $0.name) }
        }
        let cleared = await withTaskGroup(of: [String].self) { group in
            for guest in guests {
                group.addTask { [self] in await clearLeftovers(of: guest.uuid, guest.name, protections) }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        // Before anything is captured, so that no file is a capture's of this run. Those of a job that has not ended go,
        // too, because QEMU has them open and needs their names no more.
        return try await cleared.sorted()
            + call { [self] connection in
                // Of a guest that was undefined while nobody looked the mark says nothing any more.
                let migrated = try Set(connection.domains().map { directory.migratedMark($0.uuid) })
                return try removeLeftoverFiles(protections: protections, but: migrated)
            }
    }

    /// Asks libvirt's memory alone, which no guest that hangs keeps from answering. Blocks.
    private func mayHaveLeftovers(_ domain: LibvirtDomain, isAny: Bool) throws -> Bool {
        if isAny || directory.isMarkedFrozen(domain.uuid) { return true }
        do {
            return try domain.backup().map(owns) ?? false
        } catch let error as HypervisorError where error.code != .unavailable {
            // Looked at more closely by itself, so that the others need not wait for it.
            logger.warning("backup of a guest not seen", metadata: ["guest": "\(domain.name)", "error": "\(error)"])
            return true
        }
    }

    private func clearLeftovers(of guest: String, _ name: String, _ protections: Set<String>?) async -> [String] {
        let cleared = await settleNow(guest, within: HypervisorLimits.leftoverWaitTime) { [self] domain in
            guard let protections else { return [] }
            return try dropCheckpoints(of: domain) { name in !protections.contains(where: name.belongs) }
        }
        if cleared == nil {
            logger.warning("leftovers of a guest not cleared in time; it goes on", metadata: ["guest": "\(name)"])
        }
        return cleared ?? []
    }

    /// Blocks.
    private func removeLeftoverFiles(protections: Set<String>?, but kept: Set<String>) throws -> [String] {
        var removed: [String] = []
        let offline = Set((protections ?? []).map(directory.offlineRecord))
        for file in try directory.files() where !file.hasSuffix(".frozen") {
            let path = "\(directory.path)/\(file)"
            if kept.contains(path) { continue }
            if file.hasSuffix(".offline"), protections == nil || offline.contains(path) { continue }
            do {
                try removeFile(file)
                removed.append("\(file) was removed.")
            } catch {
                logger.error("leftover file not removed", metadata: ["file": "\(file)", "error": "\(error)"])
            }
        }
        return removed
    }
}
