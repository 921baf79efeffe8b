package import Messages

extension ReplicaRecord {
    package init(wire: ReplicaDescription) {
        self.init(
            protection: wire.protection, guest: wire.guestName, generation: wire.generation, baseCycle: wire.baseCycle,
            newestCycle: wire.newestCycle, points: wire.points, baseBytes: wire.baseBytes,
            journalBytes: wire.journalBytes, disks: wire.disks.map(Registry.Disk.init(wire:)),
            openCycle: wire.openCycle,
            verificationFault: wire.verificationFault.isEmpty ? nil : wire.verificationFault)
    }
}
