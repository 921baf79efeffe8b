/// A recovery point that is being served read-only over NBD.
package struct ViewRecord: Sendable, Equatable, Codable {
    package struct Export: Sendable, Equatable, Codable {
        package var target: String
        package var sizeBytes: UInt64
        package var uri: String
    }

    /// Empty for a view that no agent serves.
    package var view: String
    package var socket: String
    package var cycle: UInt64
    package var exports: [Export]

    package init(view: String, socket: String, cycle: UInt64, disks: [(target: String, sizeBytes: UInt64)]) {
        self.view = view
        self.socket = socket
        self.cycle = cycle
        exports = disks.map { disk in
            Export(
                target: disk.target, sizeBytes: disk.sizeBytes, uri: "nbd+unix:///\(disk.target)?socket=\(socket)")
        }
    }
}
