package import Messages

extension ViewRecord {
    package init(wire: ViewOpened) {
        self.init(
            view: wire.view, socket: wire.socket, cycle: wire.cycle,
            disks: wire.disks.map { (target: $0.target, sizeBytes: $0.sizeBytes) })
    }
}
