@testable import Policy

/// A source agent with one guest, as small as the rules allow.
///
/// The guest's content is a number that rises with every write and with every capture, so a capture's number names its
/// content exactly. It travels as the capture's time, which the service only passes on.
struct SimulatedSource {
    struct OpenCapture {
        var cycle: UInt64
        var version: Int64
        var kind: CycleKind
        var keptUntil: PolicyTime
        var answer: Capture
    }

    private(set) var version: Int64 = 1
    /// Content at each checkpoint, by cycle.
    private(set) var checkpoints: [UInt64: Int64] = [:]
    private(set) var capture: OpenCapture?
    /// For each capture by its content: what its changes are relative to; nil where it stands for everything.
    private(set) var bases: [Int64: Int64?] = [:]
    private var highestSeen: UInt64 = 0

    init() {}

    /// A replica that was started from a point: its first checkpoint is named by it, and its content goes on from
    /// there under numbers that the other side never gave.
    init(startedFrom cycle: UInt64, content: Int64, after other: SimulatedSource) {
        checkpoints = [cycle: content]
        version = other.version + 1_000_000
    }

    mutating func write() { version += 1 }

    // MARK: Faults

    /// The agent's process died; the checkpoints are the hypervisor's and stay.
    mutating func agentCrashed() {
        capture = nil
        highestSeen = 0
    }

    /// QEMU died: its bitmaps are inconsistent, which is as good as none.
    mutating func guestCrashed() {
        checkpoints = [:]
        capture = nil
        version += 1
    }

    mutating func watch(now: PolicyTime, deletesCheckpoint: Bool) {
        guard let open = capture, open.keptUntil < now else { return }
        capture = nil
        if deletesCheckpoint { checkpoints[open.cycle] = nil }
    }

    // MARK: Requests

    mutating func handle(
        _ call: AgentCall, now: PolicyTime, random: inout SeededGenerator
    ) -> Result<AgentAnswer, PolicyError> {
        switch call {
        case .openCapture(let order):
            return open(order, now: now, random: &random)
        case .keepCapture(let cycle, let kind):
            return keep(cycle, until: now + kind.keepMilliseconds)
        case .verifyCapture(let cycle):
            return keep(cycle, until: now + PolicyLimits.captureKeepMilliseconds)
        case .closeCommitted(let cycle):
            if capture?.cycle == cycle { capture = nil }
            checkpoints = checkpoints.filter { $0.key >= cycle }
            return .success(.done)
        case .closeAbandoned(let cycle, let keep):
            if let open = capture, open.cycle <= cycle { capture = nil }
            checkpoints = checkpoints.filter { $0.key > cycle || $0.key == keep }
            return .success(.done)
        case .releaseSource:
            capture = nil
            checkpoints = [:]
            return .success(.done)
        case .openCycle, .commitCycle, .abortCycle, .describeReplica, .deleteReplica:
            return .failure(PolicyError(.unimplemented, "not a source's request"))
        }
    }

    private mutating func keep(_ cycle: UInt64, until: PolicyTime) -> Result<AgentAnswer, PolicyError> {
        guard capture?.cycle == cycle else {
            return .failure(PolicyError(.notFound, "no capture of cycle \(cycle)"))
        }
        capture?.keptUntil = until
        return .success(.done)
    }

    private mutating func open(
        _ order: AgentCall.CaptureOrder, now: PolicyTime, random: inout SeededGenerator
    ) -> Result<AgentAnswer, PolicyError> {
        if let open = capture, open.cycle == order.cycle { return .success(.captureOpened(open.answer)) }
        guard order.cycle >= highestSeen, checkpoints[order.cycle] == nil,
            checkpoints.keys.allSatisfy({ $0 < order.cycle })
        else { return .failure(PolicyError(.alreadyExists, "cycle \(order.cycle) is over")) }
        highestSeen = order.cycle
        if let open = capture {
            checkpoints[open.cycle] = nil
            capture = nil
        }
        let base: Int64?
        switch order.kind {
        case .incremental:
            guard let known = checkpoints[order.parent] else {
                return .failure(
                    PolicyError(.failedPrecondition, "the bitmap is gone", facts: ["needs": "compare"]))
            }
            base = known
        case .full, .compare:
            base = nil
        }
        let isUnchanged = base == version && order.kind == .incremental
        version += 1
        bases[version] = .some(base)
        checkpoints[order.cycle] = version
        let changed: [UInt64] = (0..<8).map { _ in isUnchanged ? 0 : UInt64.random(in: 0...(64 << 20), using: &random) }
        let disk = Capture.Disk(
            description: DiskDescription(target: "vda", sizeBytes: 8 << 26, format: "qcow2", source: "/d"),
            nbdURI: "sim:\(version)", bitmapContext: "", regionBytes: 1 << 26, changed: changed)
        let answer = Capture(
            cycle: order.cycle, capturedUnixMilliseconds: version, consistency: order.consistency,
            consistencyNote: "", disks: [disk], definition: "<domain/>", nvram: [])
        capture = OpenCapture(
            cycle: order.cycle, version: version, kind: order.kind,
            keptUntil: now + order.kind.keepMilliseconds, answer: answer)
        return .success(.captureOpened(answer))
    }
}
