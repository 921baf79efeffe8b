import FoundationEssentials
import Messages
import SwiftProtobuf

extension AgentCall {
    /// The request as the agent gets it. The generation travels in the envelope.
    func request(of protection: ProtectionIdentifier) -> Messages.AgentRequest.OneOf_Request {
        switch self {
        case .openCapture(let order):
            .openCapture(Self.openCapture(order, protection))
        case .keepCapture(let cycle, let kind):
            .keepCapture(Self.keepCapture(cycle, protection, milliseconds: kind.keepMilliseconds))
        case .verifyCapture(let cycle):
            .keepCapture(Self.keepCapture(cycle, protection, milliseconds: PolicyLimits.captureKeepMilliseconds))
        case .closeCommitted(let cycle):
            .closeCapture(
                .with {
                    $0.protection = protection.text
                    $0.cycle = cycle
                    $0.committed = true
                })
        case .closeAbandoned(let cycle, let keep):
            .closeCapture(
                .with {
                    $0.protection = protection.text
                    $0.cycle = cycle
                    $0.committed = false
                    $0.keepCheckpointOfCycle = keep
                })
        case .releaseSource(let guestUUID):
            .releaseSource(
                .with {
                    $0.protection = protection.text
                    $0.guestUuid = guestUUID
                })
        case .openCycle(let order):
            .openCycle(Self.openCycle(order, protection))
        case .commitCycle(let cycle, let jobs, let retention):
            .commitCycle(
                .with {
                    $0.protection = protection.text
                    $0.cycle = cycle
                    $0.jobs = jobs.map(\.wire)
                    $0.retention = retention.wire
                })
        case .abortCycle(let cycle):
            .abortCycle(
                .with {
                    $0.protection = protection.text
                    $0.cycle = cycle
                })
        case .describeReplica:
            .describeReplica(.with { $0.protection = protection.text })
        case .deleteReplica:
            .deleteReplica(.with { $0.protection = protection.text })
        }
    }

    private static func keepCapture(
        _ cycle: UInt64, _ protection: ProtectionIdentifier, milliseconds: Int64
    ) -> Messages.KeepCapture {
        .with {
            $0.protection = protection.text
            $0.cycle = cycle
            $0.keepMs = UInt32(milliseconds)
        }
    }

    private static func openCapture(
        _ order: CaptureOrder, _ protection: ProtectionIdentifier
    ) -> Messages.OpenCapture {
        .with {
            $0.protection = protection.text
            $0.guestUuid = order.guestUUID
            $0.cycle = order.cycle
            $0.kind = order.kind.wire
            $0.parentCycle = order.parent
            $0.consistency = order.consistency.wire
            $0.freezeLimitMs = order.freezeLimitMilliseconds
            $0.keepMs = UInt32(order.kind.keepMilliseconds)
            $0.regionsPerDisk = UInt32(PolicyLimits.regionsPerDisk)
        }
    }

    private static func openCycle(_ order: CycleOrder, _ protection: ProtectionIdentifier) -> Messages.OpenCycle {
        .with {
            $0.protection = protection.text
            $0.guestUuid = order.guestUUID
            $0.guestName = order.guestName
            $0.cycle = order.cycle
            $0.parentCycle = order.parent
            $0.kind = order.kind.wire
            $0.capturedUnixMs = order.capturedUnixMilliseconds
            $0.consistency = order.consistency.wire
            $0.disks = order.disks.map(\.wire)
            $0.definition = order.definition
            $0.nvram = Data(order.nvram)
            $0.expectedBytes = order.expectedBytes
            if let retention = order.retention { $0.retention = retention.wire }
        }
    }

    /// Reads the answer to this request. An answer of another kind, or one that makes no sense, throws.
    func answer(_ reply: Messages.AgentReply.OneOf_Reply) throws -> AgentAnswer {
        switch (self, reply) {
        case (.openCapture, .captureOpened(let opened)):
            return .captureOpened(try Capture(wire: opened))
        case (.openCycle, .cycleOpened(let opened)):
            return .cycleOpened(try TransferDoor(wire: opened))
        case (.commitCycle(let cycle, _, _), .cycleCommitted(let committed)) where committed.point.cycle == cycle:
            return .committed(storedBytes: committed.storedBytes)
        case (.describeReplica, .replica(let replica)):
            let summary = ReplicaSummary(
                newestCycle: max(replica.newestCycle, replica.baseCycle), openCycle: replica.openCycle,
                generation: replica.generation)
            guard max(summary.newestCycle, summary.openCycle, summary.generation) <= RequiredField.countMaximum else {
                throw PolicyError(
                    .internal, "The agent says that its replica holds cycle \(summary.newestCycle), which cannot be.",
                    remedy: "Look at the replica on the target host with bascule-agent.")
            }
            return .replica(summary)
        case (.keepCapture, .done), (.verifyCapture, .done), (.closeCommitted, .done), (.closeAbandoned, .done),
            (.releaseSource, .done), (.abortCycle, .done), (.deleteReplica, .done):
            return .done
        case (_, _):
            throw PolicyError(
                .internal, "The agent answered with something else than was asked.",
                remedy: "Compare the versions of the policy service and of the agent.")
        }
    }
}

extension StoredJob {
    var wire: Messages.StoredJob {
        .with {
            $0.job = job
            $0.attempt = attempt
            $0.digest = Data(digest)
        }
    }
}

extension DiskDescription {
    init(wire: Messages.Disk) {
        self.init(target: wire.target, sizeBytes: wire.sizeBytes, format: wire.format, source: wire.source)
    }

    var wire: Messages.Disk {
        .with {
            $0.target = target
            $0.sizeBytes = sizeBytes
            $0.format = format
            $0.source = source
        }
    }
}

extension Capture {
    init(wire: Messages.CaptureOpened) throws {
        guard let consistency = try Policy.Consistency(wire: wire.consistency) else {
            throw PolicyError(.internal, "The source agent did not say which consistency its capture has.")
        }
        self.init(
            cycle: wire.cycle, capturedUnixMilliseconds: wire.capturedUnixMs, consistency: consistency,
            consistencyNote: wire.consistencyNote,
            disks: wire.disks.map { disk in
                Disk(
                    description: DiskDescription(wire: disk.disk), nbdURI: disk.nbdUri,
                    bitmapContext: disk.bitmapContext, regionBytes: disk.regionBytes, changed: disk.changed)
            },
            definition: wire.definition, nvram: [UInt8](wire.nvram), offline: wire.offline)
    }
}

extension DivergedRange {
    init(wire: Messages.DiskRange) throws {
        let (end, overflows) = wire.offset.addingReportingOverflow(wire.length)
        guard !overflows else {
            throw PolicyError(
                .internal, "The target agent named a range without an end.",
                remedy: "Compare the versions of the policy service and of the agent.")
        }
        self.init(disk: Int(wire.diskIndex), range: wire.offset..<end)
    }
}

extension TransferDoor {
    init(wire: Messages.CycleOpened) throws {
        guard wire.transferToken.count == 16, wire.cycleKey.count == 32, !wire.bulkEndpoint.isEmpty else {
            throw PolicyError(
                .internal, "The target agent opened a cycle without endpoint, token or key.",
                remedy: "Compare the versions of the policy service and of the agent.")
        }
        self.init(
            bulkEndpoint: wire.bulkEndpoint, token: [UInt8](wire.transferToken), cycleKey: [UInt8](wire.cycleKey),
            diverged: try wire.diverged.map { try DivergedRange(wire: $0) })
    }
}
