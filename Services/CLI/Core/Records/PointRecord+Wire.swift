package import Messages

extension PointRecord {
    package init(wire: RecoveryPoint) {
        self.init(
            cycle: wire.cycle, capturedUnixMilliseconds: wire.capturedUnixMs,
            consistency: CycleRecord.Consistency(wire: wire.consistency), verified: wire.verified,
            storedBytes: wire.storedBytes, changedBytes: wire.changedBytes,
            identifier: wire.identifier.map { byte in
                String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
            }.joined())
        guard wire.verified else { return }
        verifiedBy = Witness(wire: wire.verifiedBy)
        verifiedUnixMilliseconds = wire.verifiedUnixMs == 0 ? nil : wire.verifiedUnixMs
    }
}

extension PointRecord.Witness {
    package init(wire: VerifiedBy) {
        switch wire {
        case .guestAgent: self = .guestAgent
        case .operator: self = .operator
        case .unspecified, .UNRECOGNIZED: self = .unknown
        }
    }
}
