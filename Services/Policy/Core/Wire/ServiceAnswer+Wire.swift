import FoundationEssentials
import Messages
import SwiftProtobuf

extension ServiceAnswer {
    /// - Parameter identity: who answers a health request.
    func body(identity: ServiceIdentity, uptimeSeconds: Int64) -> Messages.Envelope.OneOf_Body {
        switch self {
        case .done: Self.reply(.done(.init()))
        case .policy(let settings): Self.reply(.policy(settings.wire))
        case .policies(let list): Self.reply(.policies(.with { $0.policies = list.map(\.wire) }))
        case .statuses(let list): Self.reply(.statuses(.with { $0.statuses = list.map(\.wire) }))
        case .history(let reports): Self.reply(.history(.with { $0.cycles = reports.map(\.wire) }))
        case .grants(let grants): Self.reply(.jobs(.with { $0.jobs = grants.map(\.wire) }))
        case .directive(let directive): Self.reply(.directive(directive.wire))
        case .workers(let list): Self.reply(.workers(.with { $0.workers = list.map(\.wire) }))
        case .health(let health):
            .healthReply(
                .with {
                    $0.service = "policy"
                    $0.name = identity.name
                    $0.version = identity.version
                    $0.level = health.level.wire
                    $0.details = health.details
                    $0.uptimeSeconds = uptimeSeconds
                })
        }
    }

    private static func reply(_ reply: Messages.PolicyReply.OneOf_Reply) -> Messages.Envelope.OneOf_Body {
        .policyReply(.with { $0.reply = reply })
    }
}

/// Who this service is, for health answers.
struct ServiceIdentity: Hashable, Sendable {
    var name: String
    var version: String
}

extension StatusSummary {
    var wire: Messages.ProtectionStatus {
        .with {
            $0.protection = protection.text
            $0.health = .with {
                $0.level = health.level.wire
                $0.reason = health.reason
                $0.remedy = health.remedy
            }
            $0.policy = policy
            $0.newestCycle = newestCycle
            $0.newestPointAgeMs = newestAgeMilliseconds ?? -1
            $0.pendingBytes = load.pendingBytes
            $0.totalBytes = load.totalBytes
            if let last { $0.last = last.wire }
            if let lastFailure { $0.lastFailure = lastFailure.wire }
            $0.cycleOpen = isCycleOpen
            $0.phase = phase
            $0.rateBytesPerSecond = bytesPerSecond
            $0.failuresInARow = failuresInARow
            $0.protectionVersion = version
        }
    }
}

extension CycleReport {
    var wire: Messages.CycleReport {
        .with {
            $0.cycle = cycle
            $0.kind = kind.wire
            $0.consistency = consistency.wire
            $0.capturedUnixMs = capturedUnixMilliseconds
            if error == nil { $0.committedUnixMs = endedAt.milliseconds }
            $0.durationMs = UInt32(clamping: durationMilliseconds)
            $0.changedBytes = changedBytes
            $0.sentBytes = sentBytes
            if let error { $0.error = error.wire }
            $0.reason = reason
            $0.offline = offline
        }
    }
}

extension JobGrant {
    var wire: Messages.TransferJob {
        .with {
            $0.job = job
            $0.attempt = attempt
            $0.protection = posting.protection.text
            $0.generation = posting.generation
            $0.cycle = posting.cycle
            $0.kind = posting.kind.wire
            $0.sourceHostID = posting.sourceHost
            $0.diskIndex = UInt32(piece.diskIndex)
            $0.diskTarget = piece.diskTarget
            $0.nbdUri = piece.nbdURI
            $0.bitmapContext = piece.bitmapContext
            $0.offset = piece.offset
            $0.length = piece.length
            $0.changedBytes = piece.changedBytes
            $0.diverged = piece.diverged.map { range in
                .with {
                    $0.offset = range.lowerBound
                    $0.length = range.upperBound - range.lowerBound
                }
            }
            $0.bulkEndpoint = posting.door.bulkEndpoint
            $0.transferToken = Data(posting.door.token)
            $0.cycleKey = Data(posting.door.cycleKey)
            $0.compression = posting.compression.wire
            $0.bandwidthBytesPerSecond = bandwidthBytesPerSecond
            $0.leaseMs = UInt32(leaseMilliseconds)
        }
    }
}

extension JobBoard.Directive {
    var wire: Messages.JobDirective {
        .with {
            switch self {
            case .abandon: $0.abandon = true
            case .goOn(let bandwidth): $0.bandwidthBytesPerSecond = bandwidth
            }
        }
    }
}

extension WorkerSummary {
    var wire: Messages.WorkerStatus {
        .with {
            $0.description_p = .with {
                $0.id = introduction.id
                $0.name = introduction.name
                $0.controlEndpoint = introduction.controlEndpoint
                $0.readsHosts = introduction.readsHosts
            }
            $0.jobs = UInt32(runningJobs)
            $0.rateBytesPerSecond = bytesPerSecond
            $0.lastSeenAgeMs = lastSeenAgeMilliseconds ?? -1
            $0.slots = UInt32(slots)
            $0.state = state.wire
            $0.running = jobs.map(\.wire)
            $0.speedBytesPerSecond = jobBytesPerSecond
        }
    }
}

extension WorkerSummary.State {
    var wire: Messages.WorkerState {
        switch self {
        case .working: .working
        case .draining: .draining
        case .drained: .drained
        }
    }
}

extension WorkerSummary.Job {
    var wire: Messages.WorkerJob {
        .with {
            $0.job = job
            $0.protection = protection.text
            $0.guest = guestName
            $0.cycle = cycle
            $0.kind = kind.wire
            $0.diskTarget = diskTarget
            $0.readBytes = readBytes
            $0.changedBytes = changedBytes
            $0.rateBytesPerSecond = bytesPerSecond
        }
    }
}
