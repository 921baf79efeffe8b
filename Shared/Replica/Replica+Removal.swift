import Glibc
internal import Synchronization

/// Removing the whole replica, so that a crash leaves either all of it or something that cannot be mistaken for one.
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
