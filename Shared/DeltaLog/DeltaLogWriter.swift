package import Sealing

/// Writes one delta log. Several threads may append records of different attempts at once.
///
/// Every call blocks until its bytes are taken over; call from your own threads, not from the cooperative pool.
/// After `.noSpace` or `.inputOutput` every further call throws the same again; `abort()` then removes the file.
package final class DeltaLogWriter: Sendable {
    /// What workers seal this log's records with. Derived anew, with a random salt, for each writer.
    package let cycleKey: SealingKey
    package let path: String
    package let header: DeltaLogHeader

    private init(path: String, header: DeltaLogHeader, cycleKey: SealingKey) {
        self.path = path
        self.header = header
        self.cycleKey = cycleKey
    }

    /// Creates the file (0600; it must not exist) and writes its header.
    package static func create(
        path: String, header: DeltaLogHeader, guest: GuestConfiguration, replicaKey: SealingKey
    ) throws -> DeltaLogWriter {
        fatalError("not built yet")
    }

    /// Takes one record exactly as `RecordSealer` made it, after checking header and seal.
    ///
    /// Records of one attempt must arrive in order, one at a time. It waits while all staging buffers are full.
    /// - Throws: `.recordRefused` and `.attemptState` blame the sender and leave the log usable.
    package func append(record: RawSpan, attempt: UInt32) throws {
        fatalError("not built yet")
    }

    /// Closes an attempt to further records. Asking again gives the same answer; an attempt that sent nothing has 0
    /// records and the digest of nothing.
    package func finishAttempt(_ attempt: UInt32) throws -> AttemptSummary {
        fatalError("not built yet")
    }

    /// Forgets an attempt: its records never surface. Safe to repeat, and for attempts never seen.
    package func abandonAttempt(_ attempt: UInt32) throws {
        fatalError("not built yet")
    }

    /// Bytes written or staged so far, abandoned records included.
    package var writtenBytes: UInt64 { fatalError("not built yet") }

    /// Writes index and trailer, and syncs the file. Publishing it (rename, directory sync) is the caller's.
    ///
    /// Every attempt named must be finished; records of any other never surface.
    /// - Throws: `.attemptState`, `.overlap`; the log can then only be aborted.
    package func commit(attempts: [UInt32]) throws -> DeltaLogSummary {
        fatalError("not built yet")
    }

    /// Closes and removes the file. Safe to repeat, and after a failure; does nothing after a commit.
    package func abort() {
        fatalError("not built yet")
    }
}
