import BlockDevice
import Glibc
import Synchronization

extension InMemoryHypervisor {
    // MARK: What tests see and do

    package func startsWithHost(_ guest: String) -> Bool { withGuest(guest) { $0.startsWithHost } }

    package func hasLinks(_ guest: String) -> Bool { withGuest(guest) { $0.hasLinks } }

    /// Whether a guest shuts down when its power button is pressed.
    package func setHearsPowerButton(_ hears: Bool, of guest: String) {
        withGuest(guest) { $0.hearsPowerButton = hears }
    }

    /// Awaited by every `stopGuest` before it does anything.
    package func beforeStop(_ body: @escaping @Sendable () async -> Void) { state.withLock { $0.beforeStop = body } }

    /// The cycle of the point that a guest was started from; nil when it was not.
    package func replicaCycle(of guest: String) -> UInt64? { withGuest(guest) { $0.replica?.cycle } }

    /// Whether a guest that was started from a point runs on base images and no longer on a view.
    package func isOnBase(_ guest: String) -> Bool { withGuest(guest) { $0.replica?.isOnBase ?? true } }

    package func isDefined(_ guest: String) -> Bool { state.withLock { $0.guests[guest] != nil } }

    // MARK: Starting

    package func startReplicaGuest(_ request: ReplicaGuestRequest) async throws -> ReplicaGuest {
        try enter(.startReplicaGuest)
        let document = try DomainDocument(parsing: request.definition)
        let (uuid, name) =
            switch request.identity {
            case .same: (document.uuid, document.name)
            case .test(let uuid, let name): (uuid, name)
            }
        if let running = try runningReplica(uuid, name: name, request) { return running }
        // As the real one: what this host can not give is told, and what it can not do without is refused.
        var rewriter = try DefinitionRewriter(
            request,
            host: .init(
                domainType: "qemu", emulator: "memory", hasSoftwareTPM: true, exists: { _ in true },
                macAddress: { "02:00:00:00:00:01" }))
        _ = try rewriter.rewrite()
        let warnings = rewriter.warnings
        var disks: [InMemoryGuest.Disk] = []
        for disk in request.disks {
            var overlay = InMemoryGuest.Disk(target: disk.target, format: "qcow2", sizeBytes: disk.sizeBytes)
            overlay.bytes = try await contents(ofView: disk)
            disks.append(overlay)
        }
        let started = try state.withLock { state in
            guard state.memoryFreeBytes >= document.memoryBytes else {
                throw HypervisorError.tooLittleMemory(
                    guest: name, needsBytes: document.memoryBytes, freeBytes: state.memoryFreeBytes)
            }
            state.unixMilliseconds += 1
            let answer = ReplicaGuest(
                uuid: uuid, name: name, warnings: warnings, runningUnixMilliseconds: state.unixMilliseconds)
            var guest = InMemoryGuest(
                uuid: uuid, name: name, memoryBytes: document.memoryBytes,
                hasGuestAgent: state.replicasAnswer, disks: disks)
            guest.replica = .init(
                protection: request.protection, cycle: request.cycle, directory: request.directory, answer: answer)
            guest.nvram = request.nvram
            if request.tracksChanges { guest.track(protection: request.protection, cycle: request.cycle) }
            state.guests[uuid] = guest
            return answer
        }
        broadcaster.send(GuestChange(guest: uuid, kind: .defined))
        broadcaster.send(GuestChange(guest: uuid, kind: .started))
        return started
    }

    /// The guest that an earlier call started, running; nil when there is none.
    private func runningReplica(
        _ uuid: String, name: String, _ request: ReplicaGuestRequest
    ) throws -> ReplicaGuest? {
        try state.withLock { state in
            if let other = state.guests.values.first(where: { $0.name == name && $0.uuid != uuid }) {
                throw HypervisorError.guestExists(name: other.name, uuid: other.uuid)
            }
            guard let known = state.guests[uuid] else { return nil }
            guard let replica = known.replica, replica.protection == request.protection,
                replica.directory == request.directory
            else { throw HypervisorError.guestExists(name: known.name, uuid: uuid) }
            guard replica.cycle == request.cycle else {
                throw HypervisorError.otherReplica(name: known.name, cycle: replica.cycle)
            }
            if !known.power.hasProcess { state.guests[uuid]!.power = .running }
            return replica.answer
        }
    }

    private func contents(ofView disk: ReplicaGuestRequest.Disk) async throws -> SparseBytes {
        let isOurs = connector.exportedURIs.contains(disk.viewURI)
        let source: any BlockReaderConnector = isOurs ? connector : views
        let reader: any BlockReader
        do {
            reader = try await source.connect(uri: disk.viewURI, contexts: [])
        } catch let error as BlockDeviceError {
            throw HypervisorError(
                .operationFailed, "The view of disk \(disk.target) can not be read.", cause: error.message,
                remedy: error.remedy)
        }
        var bytes = SparseBytes(sizeBytes: disk.sizeBytes)
        do {
            guard reader.sizeBytes == disk.sizeBytes else {
                throw HypervisorError(
                    .operationFailed,
                    "The view of disk \(disk.target) has \(reader.sizeBytes) bytes and not \(disk.sizeBytes).")
            }
            var data: [Range<UInt64>] = []
            try await reader.forEachChangedExtent(in: 0..<disk.sizeBytes, bitmapContext: nil) { extent in
                switch extent.kind {
                case .data: data.append(extent.range)
                case .zero: break
                }
            }
            try await reader.read(data, options: ReadOptions()) { offset, chunk in
                bytes.write(Array(chunk), at: offset)
            }
            await reader.close()
            return bytes
        } catch {
            await reader.close()
            throw error
        }
    }

    package func removeReplicaGuest(uuid: String, directory: String) async throws {
        try enter(.removeReplicaGuest)
        let isRemoved = state.withLock { state in
            guard state.guests[uuid]?.replica?.directory == directory else { return false }
            state.guests[uuid] = nil
            return true
        }
        guard isRemoved else { return }
        withdrawExports(of: uuid)
        broadcaster.send(GuestChange(guest: uuid, kind: .destroyed))
        broadcaster.send(GuestChange(guest: uuid, kind: .undefined))
    }

    package func replicaGuestMayHaveRun(in directory: String) async throws -> Bool {
        state.withLock { $0.guests.values.contains { $0.replica?.directory == directory } }
    }

    package func startTracked(
        guest: String, protection: String, cycle: UInt64, mayHaveRun: Bool,
        beforeItRuns: @escaping @Sendable () throws -> Void
    ) async throws -> ReplicaGuest {
        try enter(.startTracked)
        if !mayHaveRun { try requireTracked(guest, protection: protection, cycle: cycle) }
        try beforeItRuns()
        try enter(.resume)
        let started = try state.withLock { state in
            guard var known = state.guests[guest] else { throw HypervisorError.guestNotFound(guest) }
            state.unixMilliseconds += 1
            let answer = ReplicaGuest(
                uuid: guest, name: known.name, warnings: [], runningUnixMilliseconds: state.unixMilliseconds)
            guard !known.power.hasProcess else { return (answer, false) }
            known.power = .running
            known.hasLinks = true
            if !mayHaveRun {
                known.release(protection: protection)
                known.track(protection: protection, cycle: cycle)
            }
            state.guests[guest] = known
            return (answer, true)
        }
        if started.1 {
            withdrawExports(of: guest)
            broadcaster.send(GuestChange(guest: guest, kind: .started))
        }
        return started.0
    }

    /// One that runs is only what was wanted when its changes are known.
    private func requireTracked(_ guest: String, protection: String, cycle: UInt64) throws {
        try existing(guest) { known in
            let isTracked = known.checkpoints.keys.contains { $0.belongs(to: protection) && $0.cycle >= cycle }
            guard !known.power.hasProcess || isTracked else {
                throw HypervisorError.runsUntracked(name: known.name, cycle: cycle)
            }
        }
    }

    // MARK: Fencing

    package func stopGuest(
        _ guest: String, shutdownLimit: Duration, destroysAfterLimit: Bool
    ) async throws -> StoppedGuest {
        try enter(.stopGuest)
        await state.withLock { $0.beforeStop }()
        let (name, power, hears) = try existing(guest) { ($0.name, $0.power, $0.hearsPowerButton) }
        guard power.hasProcess else {
            try existing(guest) { try $0.requireEnded() }
            return StoppedGuest(wasRunning: false, wasForced: false)
        }
        let shutsDown = hears && power == .running
        guard shutsDown || destroysAfterLimit else {
            throw HypervisorError.shutdownTimedOut(name: name, isPaused: power == .paused, limit: shutdownLimit)
        }
        try end(guest, as: shutsDown ? .shutDown : .unknown)
        broadcaster.send(GuestChange(guest: guest, kind: shutsDown ? .shutDown : .destroyed))
        return StoppedGuest(wasRunning: true, wasForced: !shutsDown)
    }

    @discardableResult
    package func setAutostart(_ guest: String, _ isOn: Bool) async throws -> Bool {
        try enter(.setAutostart)
        return try existing(guest) { guest in
            defer { guest.startsWithHost = isOn }
            return guest.startsWithHost
        }
    }

    package func setLinks(of guest: String, up: Bool) async throws {
        try enter(.setLinks)
        try existing(guest) { guest in
            if guest.power.hasProcess { guest.hasLinks = up }
        }
    }

    // MARK: Disks

    package func settleOnBase(guest: String, directory: String, images: [String: BaseImageFile]) async throws {
        try enter(.settleOnBase)
        try existing(guest) { guest in
            try guest.requireEnded()
            guard guest.replica?.directory == directory else {
                throw HypervisorError.noReplica(name: guest.name, directory: directory)
            }
            if let disk = guest.disks.first(where: { images[$0.target] == nil }) {
                throw HypervisorError.noBaseImage(disk: disk.target)
            }
            // As the real one, which writes into each image where its base is.
            for path in guest.disks.compactMap(\.path) { utimensat(AT_FDCWD, path, nil, 0) }
            guest.replica?.isOnBase = true
        }
    }

    package func setAside(guest: String, for directory: String) async throws {
        try enter(.setAside)
        let isAside = try state.withLock { state in
            guard let known = state.guests[guest], known.replica?.directory != directory else { return false }
            try known.requireEnded()
            state.guests[guest] = nil
            return true
        }
        if isAside { broadcaster.send(GuestChange(guest: guest, kind: .undefined)) }
    }

    /// What the guest changes itself, running or not; captures show it from then on.
    package func changeFirmware(_ bytes: [UInt8], of guest: String) { withGuest(guest) { $0.nvram = bytes } }

    package func firmware(of guest: String) async throws -> [UInt8] {
        try enter(.firmware)
        return try existing(guest) { $0.nvram }
    }

    package func setFirmware(_ bytes: [UInt8], of guest: String) async throws {
        try enter(.setFirmware)
        try existing(guest) { guest in
            guard !guest.power.hasProcess else { throw HypervisorError.runs(name: guest.name) }
            guest.nvram = bytes
        }
    }

    package func written(
        by guest: String, of protection: String, since cycle: UInt64
    ) async throws -> [String: [Range<UInt64>]] {
        try enter(.written)
        return try existing(guest) { guest in
            guard !guest.power.hasProcess else {
                throw HypervisorError(.wrongPowerState, "The guest runs, so it may still write.")
            }
            return try guest.written(of: protection, since: cycle)
        }
    }

    package func stripBitmaps(protection: String, guest: String, images: [String]) async throws {
        try enter(.stripBitmaps)
        guard isDefined(guest) else { return }
        try existing(guest) { guest in
            try guest.requireEnded()
            guest.release(protection: protection)
        }
    }
}
