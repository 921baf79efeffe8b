import FoundationEssentials
import Messages
import SwiftProtobuf

extension OrchestratorRequest {
    /// Checks a request's form. What it may do is decided by the book.
    init(wire: Messages.OrchestratorRequest, envelope: Envelope) throws {
        switch wire.request {
        case .startRun(let start):
            self = .start(
                try RunRequest(wire: start), id: Self.identifier(of: envelope.operation), isDryRun: start.dryRun,
                sender: envelope.sender)
        case .getRun(let get):
            self = .get(try RequiredField.text(get.id, "id", maximumBytes: 64))
        case .listRuns(let list):
            let limit = list.limit == 0 ? OrchestratorLimits.listAnswerDefault : Int(list.limit)
            self = .list(protection: list.protection, limit: min(limit, OrchestratorLimits.runsMaximum))
        case .resumeRun(let resume):
            self = .resume(try RequiredField.text(resume.id, "id", maximumBytes: 64))
        case .abandonRun(let abandon):
            self = .abandon(try RequiredField.text(abandon.id, "id", maximumBytes: 64))
        case nil:
            throw OrchestratorError(.unimplemented, "The failover orchestrator does not know this request.")
        }
    }

    /// A run is named by the operation that asked for it, in the form of a random UUID (RFC 9562, 5.4).
    private static func identifier(of operation: OperationIdentifier) -> String {
        var bytes = [UInt8](operation.bytes)
        bytes[6] = bytes[6] & 0x0f | 0x40
        bytes[8] = bytes[8] & 0x3f | 0x80
        let digits = Array(
            bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined())
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
    }
}

extension RunRequest {
    init(wire: Messages.StartRun) throws {
        let kind = try RunKind(wire: try RequiredField.choice(wire.kind, "kind"))
        var point: PointChoice?
        if kind.choosesPoint {
            point = try PointChoice(wire: try RequiredField.choice(wire.point, "point"), cycle: wire.cycle)
        }
        guard wire.shutdownLimitMs <= OrchestratorLimits.shutdownLimitMillisecondsMaximum else {
            throw OrchestratorError(
                .invalidArgument,
                "A guest gets at most \(OrchestratorLimits.shutdownLimitMillisecondsMaximum / 1_000) s to shut down.",
                remedy: "Give less.")
        }
        self.init(
            kind: kind, protection: try RequiredField.text(wire.protection, "protection"), point: point,
            reachesSource: wire.reachSource, verdict: try TestVerdict(wire: wire.verdict, of: kind),
            keepsDiverged: wire.keepDiverged,
            shutdownLimitMilliseconds: wire.shutdownLimitMs == 0 ? nil : wire.shutdownLimitMs,
            whenShutdownFails: WhenShutdownFails(wire: wire.whenShutdownFails))
    }
}

extension TestVerdict {
    /// Nil: nothing is said.
    init?(wire: Messages.TestVerdict, of kind: RunKind) throws {
        switch wire {
        case .unspecified: return nil
        case .verified: self = .verified
        case .failed: self = .failed
        case .UNRECOGNIZED: throw OrchestratorError(.invalidArgument, "verdict is not known here.")
        }
        guard kind == .cleanup else {
            throw OrchestratorError(
                .invalidArgument, "A verdict is of a test, and given with its cleanup.", remedy: "Leave it out.")
        }
    }
}

extension RunKind {
    init(wire: Messages.RunKind) throws {
        switch wire {
        case .test: self = .test
        case .cleanup: self = .cleanup
        case .planned: self = .planned
        case .unplanned: self = .unplanned
        case .changePoint: self = .changePoint
        case .commit: self = .commit
        case .cancel: self = .cancel
        case .reverse: self = .reverse
        case .failback: self = .failback
        case .unspecified, .UNRECOGNIZED: throw OrchestratorError(.invalidArgument, "kind is not known here.")
        }
    }

    var wire: Messages.RunKind {
        switch self {
        case .test: .test
        case .cleanup: .cleanup
        case .planned: .planned
        case .unplanned: .unplanned
        case .changePoint: .changePoint
        case .commit: .commit
        case .cancel: .cancel
        case .reverse: .reverse
        case .failback: .failback
        }
    }
}

extension PointChoice {
    init(wire: Messages.PointChoice, cycle: UInt64) throws {
        switch wire {
        case .latest: self = .latest
        case .latestApplicationConsistent: self = .latestApplicationConsistent
        case .latestVerified: self = .latestVerified
        case .cycle:
            guard cycle > 0 else {
                throw OrchestratorError(.invalidArgument, "cycle is 0.", remedy: "Give the point's number.")
            }
            self = .cycle(cycle)
        case .unspecified, .UNRECOGNIZED: throw OrchestratorError(.invalidArgument, "point is not known here.")
        }
    }
}
