import BlockDevice
import CLibvirt
import Foundation
import Logging
import Synchronization

extension LibvirtHypervisor {
    package func openCapture(_ request: CaptureRequest) async throws -> CaptureDescription {
        precondition(HypervisorLimits.freezeLimit.contains(request.freezeLimit))
        return try await turns.take(request.guest) {
            if let open = captures.withLock({ $0[request.protection] }) {
                if open.name.cycle == request.cycle, open.guest == request.guest, open.loss == nil {
                    return open.description
                }
                try await endCapture(of: request.protection, guest: open.guest, dropping: open.name)
            }
            let (guest, document, run, isThawed) = try await call { [self] connection in
                let domain = try connection.domain(request.guest)
                let run = try domain.run()
                let isThawed = try thawIfMarked(domain)
                try endStrayJob(of: domain)
                let (guest, document) = try examine(domain, .thorough)
                return (guest, document, run, isThawed)
            }
            if !isThawed { settleLater(request.guest) }
            if let finding = guest.findings.first(where: \.rule.refusesCapture) { throw HypervisorError(finding) }
            let leftOut = document.disks.map(\.target).filter { target in !guest.disks.contains { $0.target == target }
            }
            let plan = CapturePlan(
                request: request, guest: guest, leftOut: leftOut, nvram: document.nvram,
                tpm: tpmDirectory(of: document))
            do {
                return try await guest.power.hasProcess
                    ? openRunning(plan, run, isThawed: isThawed) : openOffline(plan)
            } catch let error as HypervisorError where error.code == .needsCompare || error.code == .needsFull {
                throw try await stands(since: run, plan) ? error : plan.guest.cameOrWent(error)
            }
        }
    }

    /// Whether the guest is what it was at `run`, so that what was found of its bitmaps since then holds.
    private func stands(since run: GuestRun, _ plan: CapturePlan) async throws -> Bool {
        try await call { try run.holds(until: $0.domain(plan.guest.uuid).run()) }
    }

    // MARK: A running guest

    /// - Parameter isThawed: whether no earlier capture left the guest frozen.
    private func openRunning(
        _ plan: CapturePlan, _ guestRun: GuestRun, isThawed: Bool
    ) async throws -> CaptureDescription {
        let wantsFreeze = plan.request.consistency == .application
        let freezes = wantsFreeze && isThawed ? try await agentAnswers(plan.guest) : false
        let base = try await call { [self] connection in
            let domain = try connection.domain(plan.guest.uuid)
            let base = try prepareCheckpoints(plan, domain)
            deleteOwnerlessBitmaps(plan, in: guestRun, of: domain)
            try makeScratchFiles(plan)
            // Before the freeze, because it may have to start a process.
            try keeper.keep(guest: plan.guest.uuid, socket: directory.socket(plan.name))
            return base
        }
        let run = CaptureRun(plan: plan, base: base)
        var machine = CaptureStateMachine(freezes: freezes)
        var action = machine.handle(.start)
        while true {
            switch action {
            case .freeze: action = machine.handle(await freeze(run))
            case .begin:
                let event = await begin(run)
                if run.watchdog?.hasFired == true { _ = machine.handle(.limitPassed) }
                action = machine.handle(event)
            case .thaw: action = machine.handle(await thaw(run))
            case .count: action = machine.handle(await count(run))
            case .undo: action = machine.handle(await undo(run))
            case .wait: preconditionFailure("the limit is looked at where its outcome is not the next action")
            case .reportFailure(let error):
                await removeFilesReporting(of: run.name, guest: run.guest)
                throw error
            case .reportOpen(let consistency, let note):
                let missing = wantsFreeze && !freezes ? Self.whyNoFreeze(plan.guest, isThawed) : note
                return register(run, consistency: consistency, note: missing)
            }
        }
    }

    private func agentAnswers(_ guest: GuestDescription) async throws -> Bool {
        guard guest.hasGuestAgent, guest.power == .running else { return false }
        return try await call {
            try $0.domain(guest.uuid).agentAnswers(within: HypervisorLimits.agentAnswerTime)
        }
    }

    private static func whyNoFreeze(_ guest: GuestDescription, _ isThawed: Bool) -> String {
        guard guest.power == .running else { return "The guest is paused and can not freeze." }
        guard isThawed else {
            return "An earlier capture could not thaw the guest, and its guest agent does not answer: its file systems "
                + "may be frozen. Thawing is tried again; else restart the guest agent, or the guest."
        }
        return "No guest agent answers, so file systems were not frozen."
    }

    /// Chooses the base, clears checkpoints of ours that nothing needs, and says why an incremental capture is not
    /// possible. Blocks.
    private func prepareCheckpoints(_ plan: CapturePlan, _ domain: LibvirtDomain) throws -> CheckpointName? {
        let own = try domain.checkpointNames().compactMap(CheckpointName.init)
            .filter { $0.belongs(to: plan.request.protection) }
        switch plan.request.kind {
        case .incremental(let parent):
            let base = try usableBase(plan, own, parent: parent, domain)
            // What is above the parent was never acknowledged, what is below the base is not needed again.
            for name in own where name != base { try deleteCheckpoint(name.description, of: domain) }
            return base
        case .full, .compare:
            // The last acknowledged checkpoint stays until this cycle is committed; only this cycle's own name, of an
            // attempt that died, is in the way.
            for name in own where name.cycle >= plan.request.cycle {
                try deleteCheckpoint(name.description, of: domain)
            }
            return nil
        }
    }

    /// The checkpoint that an incremental capture starts from; throws `.needsCompare` or `.needsFull`. Blocks.
    func usableBase(
        _ plan: CapturePlan, _ own: [CheckpointName], parent: UInt64, _ domain: LibvirtDomain
    ) throws -> CheckpointName {
        guard let base = own.newest(ofProtection: plan.request.protection, upTo: parent) else {
            throw HypervisorError.noCheckpoint(parentCycle: parent)
        }
        guard let disks = try CheckpointDocument.disks(of: domain.checkpointXML(base.description)) else {
            throw HypervisorError(
                .needsCompare, "Checkpoint \(base) does not say which disks it was made over.",
                remedy: "Nothing: the disks are compared with the next cycle.")
        }
        try CheckpointComparison(
            atCheckpoint: Dictionary(disks.map { ($0.target, $0.sizeBytes) }) { $1 },
            now: Dictionary(plan.guest.disks.map { ($0.target, $0.sizeBytes) }) { $1 }
        ).check()
        for disk in try plan.checkpointDisks() {
            guard disks.first(where: { $0.target == disk.target })?.inode == disk.inode else {
                throw HypervisorError(
                    .needsCompare, "Disk \(disk.target) runs on another image than at the last recovery point.",
                    remedy: "Nothing: the disks are compared with the next cycle.")
            }
        }
        return base
    }

    // MARK: Actions of the state machine

    private func freeze(_ run: CaptureRun) async -> CaptureStateMachine.Event {
        do {
            let began = ContinuousClock.now
            let watchdog = try await call { [self, settings] connection in
                try directory.markFrozen(run.guest, in: connection.domain(run.guest).run())
                let watchdog = try FreezeWatchdog(
                    uri: settings.uri, guest: run.guest, limit: run.plan.request.freezeLimit,
                    thawGuest: { try connection.domain(run.guest).thaw() })
                return watchdog
            }
            run.freezeBegan(at: began, watchdog)
            let count = try await call { try $0.domain(run.guest).freeze(within: run.plan.request.freezeLimit) }
            // As of a guest on ZFS alone: nothing was flushed, and writes go on.
            return count > 0 ? .frozen : .freezeFailed("the guest agent found none that it can freeze.")
        } catch {
            return .freezeFailed("\(error)")
        }
    }

    private func begin(_ run: CaptureRun) async -> CaptureStateMachine.Event {
        do {
            try await call { [self] connection in
                let domain = try connection.domain(run.guest)
                let checkpoint = try CheckpointDocument.make(
                    run.name, disks: run.plan.checkpointDisks(), leftOut: run.plan.leftOut)
                let backup = BackupDocument.make(
                    socket: directory.socket(run.name), base: run.base,
                    disks: run.plan.guest.disks.map { ($0.target, directory.scratch(run.name, disk: $0.target)) },
                    leftOut: run.plan.leftOut)
                run.captured(at: Self.unixMilliseconds())
                do throws(LibvirtFailure) {
                    try domain.beginBackup(backup, checkpoint: checkpoint)
                } catch {
                    throw Self.beginError(error, guest: run.plan.guest.name)
                }
            }
            return .begun
        } catch {
            // It may have begun, and only the answer was lost.
            settleLater(run.guest, run.name)
            return .beginFailed(Self.asHypervisorError(error))
        }
    }

    private static func beginError(_ failure: LibvirtFailure, guest: String) -> HypervisorError {
        if failure.is(VIR_ERR_CHECKPOINT_INCONSISTENT) || failure.is(VIR_ERR_NO_DOMAIN_CHECKPOINT) {
            return HypervisorError(
                .needsCompare,
                "The change bitmap of guest \(guest) is lost or inconsistent, as after QEMU or the host went down hard.",
                cause: failure.words, remedy: "Nothing: the disks are compared with the next cycle.")
        }
        return failure.whileDoing("The backup job of guest \(guest) could not be begun.")
    }

    private func thaw(_ run: CaptureRun) async -> CaptureStateMachine.Event {
        do {
            try await call { [self] _ in
                if let watchdog = run.watchdog {
                    _ = try watchdog.thaw()
                    run.thawed(at: .now)
                }
                try directory.remove(directory.frozenMark(run.guest))
            }
            return .thawed
        } catch {
            logger.critical("guest could not be thawed", metadata: ["guest": "\(run.guest)", "error": "\(error)"])
            settleLater(run.guest, run.name)
            return .thawFailed(Self.asHypervisorError(error))
        }
    }

    private func count(_ run: CaptureRun) async -> CaptureStateMachine.Event {
        do {
            run.keep(nvram: try run.plan.firmwareBytes())
            for disk in run.plan.guest.disks {
                let uri = "nbd+unix:///\(disk.target)?socket=\(directory.socket(run.name))"
                let context = run.base.map { _ in
                    BlockContext.dirtyBitmap(BackupDocument.bitmapName(target: disk.target))
                }
                run.counted(try await countChanges(of: disk, at: uri, context: context, run.plan.request))
            }
            return .counted
        } catch {
            return .countFailed(Self.asHypervisorError(error))
        }
    }

    /// Asks the export which regions hold what has to be sent.
    func countChanges(
        of disk: DiskDescription, at uri: String, context: String?, _ request: CaptureRequest
    ) async throws -> CapturedDisk {
        let reader = try await connector.connect(uri: uri, contexts: context.map { [$0] } ?? [])
        let includesZeros =
            switch request.kind {
            case .full: false
            case .incremental, .compare: true
            }
        do {
            let histogram = try await reader.changeHistogram(
                bitmapContext: context, regionsAtMost: request.regionsPerDisk, includingZeros: includesZeros)
            let exported = DiskDescription(
                target: disk.target, sizeBytes: reader.sizeBytes, format: disk.format, source: disk.source)
            await reader.close()
            return CapturedDisk(
                disk: exported, nbdURI: uri, bitmapContext: context, regionBytes: histogram.regionBytes,
                changed: histogram.changed)
        } catch {
            await reader.close()
            throw error
        }
    }

    private func undo(_ run: CaptureRun) async -> CaptureStateMachine.Event {
        do {
            try await call { [self] connection in
                let domain = try connection.domain(run.guest)
                try endJob(of: domain)
                try deleteCheckpoint(run.name.description, of: domain)
                try removeFiles(of: run.name)
            }
        } catch {
            // The original failure is what is reported.
            logger.error("capture not undone", metadata: ["name": "\(run.name)", "error": "\(error)"])
            settleLater(run.guest, run.name)
        }
        return .undone
    }

    private func register(_ run: CaptureRun, consistency: CaptureConsistency, note: String) -> CaptureDescription {
        let description = run.description(consistency: consistency, note: note)
        var capture = OpenCapture(
            protection: run.plan.request.protection, guest: run.guest, name: run.name,
            source: .job(socket: directory.socket(run.name)), description: description)
        captures.withLock { $0[capture.protection] = capture }
        capture.watch = Task { [weak self, capture] in await self?.watchScratch(of: capture) }
        captures.withLock { $0[capture.protection]?.watch = capture.watch }
        return description
    }

    static func asHypervisorError(_ error: any Error) -> HypervisorError {
        switch error {
        case let error as HypervisorError: error
        case let error as BlockDeviceError:
            HypervisorError(.operationFailed, error.message, cause: error.cause, remedy: error.remedy)
        default: HypervisorError(.operationFailed, "\(error)")
        }
    }

    static func unixMilliseconds() -> Int64 { Int64((Date().timeIntervalSince1970 * 1_000).rounded(.down)) }
}

extension GuestDescription {
    fileprivate func cameOrWent(_ found: HypervisorError) -> HypervisorError {
        HypervisorError(
            .operationFailed, "Guest \(name) started or ended while its capture was being opened.",
            cause: found.description, remedy: "Nothing: the next cycle captures it as it is then.")
    }
}
