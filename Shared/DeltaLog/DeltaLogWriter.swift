package import Sealing
internal import Synchronization

/// Writes one delta log. Several threads may append records of different attempts at once.
///
/// Every call blocks until its bytes are taken over; call from your own threads, not from the cooperative pool.
/// After `.noSpace` or `.inputOutput` every further call throws the same again; `abort()` then removes the file.
///
/// Memory: 32 bytes per record taken, at most twice that while committing, and staging buffers as `DeltaLogLimits` bounds them.
package final class DeltaLogWriter: Sendable {
    /// What workers seal this log's records with. Derived anew, with a random salt, for each writer.
    package let cycleKey: SealingKey
    package let header: DeltaLogHeader

    private enum State {
        case open([UInt32: AttemptLane])
        case committing
        case committed
        case aborted
    }

    private let assembler: LogAssembler
    private let state = Mutex(State.open([:]))
    private let records = Atomic<Int>(0)

    private init(header: DeltaLogHeader, cycleKey: SealingKey, assembler: LogAssembler) {
        self.header = header
        self.cycleKey = cycleKey
        self.assembler = assembler
    }

    deinit {
        // A log that was given up without a word must not leave its file and threads behind.
        abort()
    }

    package var path: String { assembler.path }

    /// Creates the file (0600; it must not exist) and writes its header.
    package static func create(
        path: String, header: DeltaLogHeader, guest: GuestConfiguration, replicaKey: SealingKey
    ) throws -> DeltaLogWriter {
        try create(
            path: path, header: header, guest: guest, replicaKey: replicaKey, createFile: LogFile.init(creating:))
    }

    static func create(
        path: String, header: DeltaLogHeader, guest: GuestConfiguration, replicaKey: SealingKey,
        createFile: (String) throws -> any StagingTarget
    ) throws -> DeltaLogWriter {
        var keyTable = KeyTable()
        let salt = try SecureRandom.bytes(SealingKey.saltByteCount)
        keyTable.append(cycle: header.cycle, salt: salt)
        let cycleKey = try SealingKey.deriveCycleKey(
            replicaKey: replicaKey, protection: header.protection, cycle: header.cycle, salt: salt)
        let assembler = try LogAssembler(
            path: path, header: header, guest: guest, keyTable: keyTable, replicaKey: replicaKey,
            createFile: createFile)
        return DeltaLogWriter(header: header, cycleKey: cycleKey, assembler: assembler)
    }

    /// Takes one record exactly as `RecordSealer` made it, after checking header and seal.
    ///
    /// Records of one attempt must arrive in order, one at a time. It waits while all staging buffers are full.
    /// - Throws: `.recordRefused` and `.attemptState` blame the sender and leave the log usable.
    package func append(record: RawSpan, attempt: UInt32) throws {
        let lane = try lane(of: attempt)
        let taken = records.add(1, ordering: .relaxed).newValue
        do {
            guard taken <= DeltaLogLimits.extents else {
                throw DeltaLogError(
                    .limitExceeded, "the log has as many records as it may",
                    facts: ["records": "\(DeltaLogLimits.extents)"])
            }
            try record.withUnsafeBytes { bytes in
                try lane.take(bytes) { try assembler.append($0) }
            }
        } catch {
            records.subtract(1, ordering: .relaxed)
            throw error
        }
    }

    /// Closes an attempt to further records. Asking again gives the same answer; an attempt that sent nothing has 0
    /// records and the digest of nothing.
    package func finishAttempt(_ attempt: UInt32) throws -> AttemptSummary {
        try lane(of: attempt).finish()
    }

    /// Forgets an attempt: its records never surface. Safe to repeat, and for attempts never seen.
    package func abandonAttempt(_ attempt: UInt32) throws {
        let known = try withLanes { lanes in
            if let lane = lanes[attempt] { return lane }
            return try Self.add(AttemptLane(abandoned: attempt), as: attempt, to: &lanes)
        }
        known.abandon()
    }

    /// Bytes written or staged so far, abandoned records included.
    package var writtenBytes: UInt64 { assembler.byteCount }

    /// Writes index and trailer, and syncs the file. Publishing it (rename, directory sync) is the caller's.
    ///
    /// Every attempt named must be finished; records of any other never surface.
    /// - Throws: `.attemptState`, `.overlap`; the log can then only be aborted.
    package func commit(attempts: [UInt32]) throws -> DeltaLogSummary {
        let lanes = try state.withLock { state in
            let lanes = try Self.lanes(state)
            state = .committing
            return lanes
        }
        let extents = try Self.extents(of: attempts, in: lanes, from: { try $0.handOverExtents() })
        let summary = try assembler.complete(extents: extents, records: UInt64(extents.count))
        state.withLock { $0 = .committed }
        return summary
    }

    /// What of a range of a disk no record of these attempts covers, in order, while the log is open.
    ///
    /// Every attempt named must be finished.
    package func uncoveredRanges(
        ofDisk disk: UInt16, in range: Range<UInt64>, attempts: [UInt32]
    ) throws -> [Range<UInt64>] {
        let lanes = try state.withLock { try Self.lanes($0) }
        var uncovered: [Range<UInt64>] = []
        var offset = range.lowerBound
        // Only looked at: the commit that follows still needs them.
        let extents = try Self.extents(of: attempts, in: lanes, from: { try $0.finishedExtents() })
        for extent in extents where extent.disk == disk && extent.end > offset {
            guard extent.offset < range.upperBound else { break }
            if offset < extent.offset { uncovered.append(offset..<extent.offset) }
            offset = extent.end
        }
        if offset < range.upperBound { uncovered.append(offset..<range.upperBound) }
        return uncovered
    }

    /// Closes and removes the file. Safe to repeat, and after a failure; does nothing after a commit.
    package func abort() {
        let removes = state.withLock { state in
            switch state {
            case .open, .committing:
                state = .aborted
                return true
            case .committed, .aborted:
                return false
            }
        }
        if removes { assembler.discard() }
    }

    // MARK: Attempts

    private static func lanes(_ state: State) throws -> [UInt32: AttemptLane] {
        switch state {
        case .open(let lanes): return lanes
        case .committing, .committed: throw DeltaLogError(.closed, "the delta log is committed")
        case .aborted: throw DeltaLogError(.closed, "the delta log was aborted")
        }
    }

    /// By disk and offset.
    private static func extents(
        of attempts: [UInt32], in lanes: [UInt32: AttemptLane], from lane: (AttemptLane) throws -> [DeltaLogExtent]
    ) throws -> [DeltaLogExtent] {
        var extents: [DeltaLogExtent] = []
        for attempt in Set(attempts) {
            guard let found = lanes[attempt] else {
                throw DeltaLogError(.attemptState, "the attempt is unknown", facts: ["attempt": "\(attempt)"])
            }
            extents.append(contentsOf: try lane(found))
        }
        extents.sort { ($0.disk, $0.offset) < ($1.disk, $1.offset) }
        return extents
    }

    private func withLanes<Result>(_ body: (inout [UInt32: AttemptLane]) throws -> Result) throws -> Result
    where Result: Sendable {
        try state.withLock { state in
            var lanes = try Self.lanes(state)
            state = .open([:])  // so that the dictionary below is changed in place
            defer { state = .open(lanes) }
            return try body(&lanes)
        }
    }

    private func lane(of attempt: UInt32) throws -> AttemptLane {
        try withLanes { lanes in
            if let lane = lanes[attempt] { return lane }
            return try Self.add(
                AttemptLane(attempt: attempt, disks: header.disks, key: cycleKey), as: attempt, to: &lanes)
        }
    }

    private static func add(
        _ lane: AttemptLane, as attempt: UInt32, to lanes: inout [UInt32: AttemptLane]
    ) throws -> AttemptLane {
        guard lanes.count < DeltaLogLimits.attempts else {
            throw DeltaLogError(
                .limitExceeded, "the log has seen as many attempts as it may",
                facts: ["attempts": "\(DeltaLogLimits.attempts)"])
        }
        lanes[attempt] = lane
        return lane
    }
}
