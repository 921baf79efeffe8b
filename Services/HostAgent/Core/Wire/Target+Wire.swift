import DeltaLog
import FoundationEssentials
import Messages
import Replica
import Sealing
import SwiftProtobuf

extension TargetRole.CycleOrder {
    init(_ request: Messages.OpenCycle, generation: UInt64) throws {
        let kind: ReplicaCycleKind
        switch try RequiredField.choice(request.kind, "kind") {
        case .full: kind = .full
        case .incremental: kind = .incremental
        case .compare: kind = .compare
        case .unspecified, .UNRECOGNIZED: preconditionFailure("a choice was made")
        }
        let consistency: CaptureConsistency
        switch try RequiredField.choice(request.consistency, "consistency") {
        case .crash: consistency = .crash
        case .application: consistency = .application
        case .unspecified, .UNRECOGNIZED: preconditionFailure("a choice was made")
        }
        // Retention subtracts it from others.
        guard (0...1 << 53).contains(request.capturedUnixMs) else {
            throw RemoteError(
                .invalidArgument, "captured_unix_ms is \(request.capturedUnixMs), which is no time of a capture.",
                facts: ["field": "captured_unix_ms", "value": "\(request.capturedUnixMs)"])
        }
        guard !request.disks.isEmpty, request.disks.count <= HostAgentLimits.disksPerGuestMaximum else {
            throw RemoteError(
                .invalidArgument, "A cycle has 1 to \(HostAgentLimits.disksPerGuestMaximum) disks.",
                facts: ["disks": "\(request.disks.count)"])
        }
        guard request.definition.utf8.count <= HostAgentLimits.definitionBytesMaximum,
            request.nvram.count <= HostAgentLimits.variablesBytesMaximum
        else {
            throw RemoteError(.invalidArgument, "The guest's definition or its UEFI variables are too large.")
        }
        self.init(
            identity: ReplicaIdentity(
                protection: try RequiredField.uuid(request.protection, "protection"),
                guest: try RequiredField.uuid(request.guestUuid, "guest_uuid"),
                guestName: try RequiredField.text(request.guestName, "guest_name")),
            opening: CycleOpening(
                cycle: try RequiredField.count(request.cycle, "cycle", from: 1),
                parentCycle: try RequiredField.count(request.parentCycle, "parent_cycle"), kind: kind,
                generation: generation,
                capturedUnixMilliseconds: request.capturedUnixMs, consistency: consistency,
                disks: request.disks.map { DeltaLogDisk(target: $0.target, sizeBytes: $0.sizeBytes) },
                guest: GuestConfiguration(definition: request.definition, nvram: [UInt8](request.nvram)),
                guestName: request.guestName, expectedBytes: request.expectedBytes),
            retention: request.hasRetention ? ReplicaRetention(request.retention) : nil)
    }
}

extension CycleOpened {
    init(_ opened: TargetRole.OpenedCycle, bulkEndpoint: String) {
        self.init()
        self.bulkEndpoint = bulkEndpoint
        transferToken = Data(opened.token)
        cycleKey = opened.cycleKey.withUnsafeBytes { Data($0) }
        logFreeBytes = opened.freeBytes
        diverged = opened.mustCover.sorted { $0.key < $1.key }.flatMap { disk, ranges in
            ranges.map { range in
                .with {
                    $0.diskIndex = UInt32(disk)
                    $0.offset = range.lowerBound
                    $0.length = range.upperBound - range.lowerBound
                }
            }
        }
    }
}

extension CycleStateMachine.StoredJob {
    init(_ stored: StoredJob) throws {
        let job = try RequiredField.uuid(stored.job, "job")
        self.init(
            job: withUnsafeBytes(of: job.uuid) { [UInt8]($0) }, attempt: stored.attempt,
            digest: try RequiredField.bytes(stored.digest, count: 32, "digest"))
    }
}

extension ReplicaRetention {
    init(_ retention: Messages.Retention) {
        self.init(
            everyCycleSeconds: retention.everyCycleSeconds, hourlySeconds: retention.hourlySeconds,
            dailySeconds: retention.dailySeconds)
    }
}

extension CycleCommitted {
    init(_ point: ReplicaPoint) {
        self.init()
        self.point = Messages.RecoveryPoint(point)
        storedBytes = point.storedBytes
    }
}

extension Messages.RecoveryPoint {
    init(_ point: ReplicaPoint) {
        self.init()
        cycle = point.cycle
        capturedUnixMs = point.capturedUnixMilliseconds
        switch point.consistency {
        case .crash: consistency = .crash
        case .application: consistency = .application
        }
        storedBytes = point.storedBytes
        changedBytes = point.changedBytes
        identifier = Data(point.identifier.bytes)
        guard let verification = point.verification else { return }
        verified = true
        verifiedUnixMs = verification.unixMilliseconds
        switch verification.witness {
        case .guestAgent: verifiedBy = .guestAgent
        case .operator: verifiedBy = .operator
        }
    }
}

extension Messages.ReplicaDescription {
    init(_ replica: ReplicaSummary) {
        self.init()
        verificationFault = replica.verificationFault ?? ""
        protection = replica.protection.uuidString.lowercased()
        guestUuid = replica.guest.uuidString.lowercased()
        guestName = replica.guestName
        generation = replica.generation
        baseCycle = replica.baseCycle
        newestCycle = replica.newestCycle
        points = UInt32(clamping: replica.points)
        baseBytes = replica.baseBytes
        journalBytes = replica.journalBytes
        disks = replica.disks.map { Disk($0) }
        openCycle = replica.openCycle
        adopted = !replica.adopted.isEmpty
        runningCycle = replica.runningCycle ?? 0
    }
}

extension Disk {
    init(_ disk: DeltaLogDisk) {
        self.init()
        target = disk.target
        sizeBytes = disk.sizeBytes
        format = "raw"
    }
}

extension ViewOpened {
    init(_ view: ViewSupervisor.View, point: ReplicaPoint) {
        self.init()
        self.view = view.identifier
        socket = view.socket
        cycle = view.cycle
        disks = point.disks.map { Disk($0) }
    }
}

extension ScrubProgress {
    init(_ report: ScrubProgressReport) {
        self.init()
        finished = report.isFinished
        checkedBytes = report.checkedBytes
        totalBytes = report.totalBytes
        faults = report.faults
        faultCount = report.faultCount
    }
}
