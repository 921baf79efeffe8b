import Messages
import SwiftProtobuf

extension OrchestratorAnswer {
    func body(identity: ServiceIdentity, uptimeSeconds: Int64) -> Messages.Envelope.OneOf_Body {
        switch self {
        case .run(let record): Self.reply(.run(record.wire))
        case .runs(let records): Self.reply(.runs(.with { $0.runs = records.map(\.wire) }))
        case .health(let health):
            .healthReply(
                .with {
                    $0.service = "orchestrator"
                    $0.name = identity.name
                    $0.version = identity.version
                    $0.level = health.isHeldUp ? .critical : health.waiting == 0 ? .normal : .warning
                    $0.details = health.details
                    $0.uptimeSeconds = uptimeSeconds
                })
        }
    }

    private static func reply(_ reply: Messages.OrchestratorReply.OneOf_Reply) -> Messages.Envelope.OneOf_Body {
        .orchestratorReply(.with { $0.reply = reply })
    }
}

extension RunRecord {
    var wire: Messages.Run {
        .with {
            $0.id = id
            $0.kind = kind.wire
            $0.protection = protection
            $0.guestUuid = guestUUID
            $0.guestName = guestName
            $0.state = wireState
            $0.steps = steps.enumerated().map { index, step in
                step.wire(number: index + 1, source: facts.source.name, target: facts.target.name)
            }
            $0.startedUnixMs = requestedAt.milliseconds
            $0.endedUnixMs = endedAt?.milliseconds ?? 0
            $0.requestedBy = requestedBy
            $0.generation = facts.generation
            $0.fromHost = facts.source.name
            $0.toHost = facts.target.name
            $0.cycle = facts.point?.cycle ?? 0
            $0.capturedUnixMs = facts.point?.capturedUnixMilliseconds ?? 0
            $0.rpoMs = rpoMilliseconds ?? -1
            $0.rtoMs = rtoMilliseconds ?? -1
            $0.sentence = sentence
            $0.remedy = remedy
            $0.warnings = warnings
            $0.startedGuest = facts.started?.guestName ?? ""
        }
    }

    private var wireState: Messages.RunState {
        switch progress {
        case .forward, .back: wait == nil ? .running : .waiting
        case .succeeded: .succeeded
        case .failed: .failed
        }
    }
}

extension StepRecord {
    fileprivate func wire(number: Int, source: String, target: String) -> Messages.RunStep {
        .with {
            $0.number = UInt32(number)
            $0.name = step.rawValue
            $0.title = step.title(source: source, target: target)
            $0.state = state.wire
            $0.startedUnixMs = startedAt?.milliseconds ?? 0
            $0.endedUnixMs = endedAt?.milliseconds ?? 0
            $0.attempts = attempts
            $0.detail = detail
            $0.doneBytes = doneBytes
            $0.totalBytes = totalBytes
        }
    }
}

extension StepRecord.State {
    fileprivate var wire: Messages.StepState {
        switch self {
        case .pending: .pending
        case .running: .running
        case .done: .done
        case .skipped: .skipped
        case .failed: .failed
        case .undone: .undone
        }
    }
}
