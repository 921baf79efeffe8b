import Glibc
internal import Synchronization

/// Taking things out of the directory: the whole replica, so that a crash leaves either all of it or something that
/// cannot be mistaken for one; and logs that are damaged.
extension Replica {
    private static let removedSuffix = ".deleted"

    /// Renames the directory, which ends the replica, and then removes it. The replica is closed afterwards. Adopted
    /// images stay: they are the guest's.
    /// - Throws: `ReplicaError`: `inUse` while any view is open or a guest runs from it.
    package func delete() throws {
        try cycleTurn.withLock { _ in
            try retentionTurn.withLock { _ in
                try state.withLock { state in
                    try state.requireReady()
                    if let running = state.manifest.runningCycle { throw ReplicaError.guestRuns(from: running) }
                }
                try removeDirectoryInTurns()
            }
        }
    }

    /// - Precondition: the caller has both turns.
    func removeDirectoryInTurns() throws {
        let gate = try closedGate()
        let leases = try ViewLease.heldCycles(layout)
        try state.withLock { state in
            if let held = state.viewed(leases: leases).max() { throw ReplicaError.viewsAreOpen(held) }
        }
        let doomed = layout.directory + Self.removedSuffix
        try Self.remove(doomed, failpoints: .none)
        try publishing {
            try DurableFiles.rename(layout.directory, to: doomed)
            try DurableFiles.synchronizeDirectory(layout.parentDirectory)
            try failpoints.reach(.deleteRenamed)
        }
        _ = consume gate
        releaseInTurn()
        try Self.remove(doomed, failpoints: failpoints)
    }

    /// Moves logs that cannot be used to `damaged/`, so that cycles can go on from the newest point that is listed. The
    /// points they stood for are lost, unless the files are mended, moved back, and nothing was committed meanwhile.
    /// - Returns: the names of the files.
    package func setDamagedLogsAside() throws -> [String] {
        try cycleTurn.withLock { _ in
            let faults = try state.withLock { state in
                try state.requireReady()
                return state.journal.faults
            }
            guard !faults.isEmpty else { return [] }
            try DurableFiles.makeDirectory(layout.damaged)
            let names = faults.map { ReplicaLayout.logName($0.cycle) }
            for (fault, name) in zip(faults, names) {
                let path = layout.log(of: fault.cycle)
                try DurableFiles.rename(path, to: "\(layout.damaged)/\(name)")
                state.withLock { $0.journal.removedFault(fault.cycle) }
            }
            try DurableFiles.synchronizeDirectory(layout.damaged)
            try DurableFiles.synchronizeDirectory(layout.journal)
            return names
        }
    }

    /// Finishes deletions that were interrupted.
    /// - Parameter parent: the directory that holds replica directories.
    package static func clearDeleted(in parent: String) throws {
        for name in try DurableFiles.names(in: parent) where name.hasSuffix(removedSuffix) {
            try remove("\(parent)/\(name)", failpoints: .none)
        }
    }

    /// Removes a directory of a replica with what is in it, two levels deep, as Layout.md has it.
    private static func remove(_ directory: String, failpoints: FailpointHook) throws {
        guard DurableFiles.exists(directory) else { return }
        for name in try DurableFiles.names(in: directory) {
            let path = "\(directory)/\(name)"
            if try DurableFiles.isDirectory(path) {
                for inner in try DurableFiles.names(in: path) {
                    try DurableFiles.remove("\(path)/\(inner)")
                    try failpoints.reach(.deleteFileRemoved)
                }
                try DurableFiles.removeDirectory(path)
            } else {
                try DurableFiles.remove(path)
            }
        }
        try DurableFiles.removeDirectory(directory)
    }
}
