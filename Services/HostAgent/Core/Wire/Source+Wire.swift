import FoundationEssentials
import Hypervisor
import Messages

extension SourceRole.CaptureOrder {
    init(_ request: OpenCapture, generation: UInt64) throws {
        let kind: CaptureStateMachine.Order.Kind
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
        let freeze =
            request.freezeLimitMs == 0 ? HostAgentLimits.freezeLimitMillisecondsDefault : request.freezeLimitMs
        let limits = HypervisorLimits.freezeLimit
        let regions = request.regionsPerDisk == 0 ? HostAgentLimits.regionsPerDiskDefault : Int(request.regionsPerDisk)
        guard regions <= HostAgentLimits.regionsPerDiskMaximum else {
            throw RemoteError(
                .invalidArgument, "regions_per_disk is more than \(HostAgentLimits.regionsPerDiskMaximum).",
                facts: ["field": "regions_per_disk", "value": "\(regions)"])
        }
        let cycle = try RequiredField.count(request.cycle, "cycle")
        let parent = try RequiredField.count(request.parentCycle, "parent_cycle")
        self.init(
            protection: try RequiredField.uuid(request.protection, "protection").uuidString.lowercased(),
            guest: try RequiredField.uuid(request.guestUuid, "guest_uuid").uuidString.lowercased(),
            order: CaptureStateMachine.Order(
                cycle: cycle, kind: kind, parent: parent == 0 ? nil : parent, generation: generation),
            consistency: consistency,
            freezeLimit: min(max(.milliseconds(Int64(freeze)), limits.lowerBound), limits.upperBound),
            keep: Self.keep(request.keepMs), regionsPerDisk: regions)
    }

    /// 0 stands for the usual time; a longer one than allowed is shortened.
    static func keep(_ milliseconds: UInt32) -> Duration {
        let asked = milliseconds == 0 ? HostAgentLimits.captureKeepMillisecondsDefault : milliseconds
        return .milliseconds(Int64(min(asked, HostAgentLimits.captureKeepMillisecondsMaximum)))
    }
}

extension CaptureOpened {
    init(_ capture: CaptureDescription) throws {
        self.init()
        cycle = capture.cycle
        capturedUnixMs = capture.capturedUnixMilliseconds
        consistency = Consistency(capture.consistency)
        consistencyNote = capture.consistencyNote
        disks = capture.disks.map { Messages.CapturedDisk($0) }
        definition = capture.definition
        nvram = Data(capture.nvram)
        offline = capture.isOffline
        freezeMs = UInt32(
            clamping: capture.frozen.components.seconds * 1_000
                + capture.frozen.components.attoseconds / 1_000_000_000_000_000)
    }
}

extension Consistency {
    init(_ consistency: Hypervisor.CaptureConsistency) {
        switch consistency {
        case .crash: self = .crash
        case .application: self = .application
        }
    }
}

extension Messages.CapturedDisk {
    init(_ captured: Hypervisor.CapturedDisk) {
        self.init()
        disk = Disk(captured.disk)
        nbdUri = captured.nbdURI
        bitmapContext = captured.bitmapContext ?? ""
        regionBytes = captured.regionBytes
        changed = captured.changed
    }
}
