/// A guest to be started from a recovery point: its definition comes from the source, its disks from a view.
package struct ReplicaGuestRequest: Sendable, Hashable {
    package enum Identity: Sendable, Hashable {
        /// Name, UUID and MAC addresses of the source guest: it takes that guest's place.
        case same
        /// A guest beside the original: another name, UUID, and MAC addresses of its own.
        case test(uuid: String, name: String)
    }

    /// A disk of the point, which the guest writes to through an overlay.
    package struct Disk: Sendable, Hashable {
        /// Name in the guest: vda, sdb.
        package let target: String
        /// UNIX socket of the NBD server of the view; the export's name is `target`.
        package let viewSocket: String
        package let sizeBytes: UInt64

        package init(target: String, viewSocket: String, sizeBytes: UInt64) {
            self.target = target
            self.viewSocket = viewSocket
            self.sizeBytes = sizeBytes
        }

        package var viewURI: String { "nbd+unix:///\(target)?socket=\(viewSocket)" }
    }

    /// What takes the place of a network of the source.
    package struct Network: Sendable, Hashable {
        /// Network, bridge or device as the source's definition names it.
        package let source: String
        /// Bridge of this host; nil: the link stays down, on purpose and so without a warning.
        package let target: String?

        package init(source: String, target: String?) {
            self.source = source
            self.target = target
        }
    }

    /// UUID of the protection as text; checkpoints are named by it.
    package let protection: String
    /// The point's cycle, by which the first checkpoint is named.
    package let cycle: UInt64
    /// Inactive domain XML of the source guest.
    package let definition: String
    /// UEFI variables as of the point; empty: none.
    package let nvram: [UInt8]
    package let identity: Identity
    /// In the order of the definition. Disks of the definition that are not among these are left out, with a warning.
    package let disks: [Disk]
    package let networks: [Network]
    /// Where overlays, UEFI variables and the rewritten definition go; see `ReplicaDirectory`. Made when it is absent.
    package let directory: String
    /// Takes the first checkpoint before the first instruction, so that the next capture can be incremental.
    package let tracksChanges: Bool

    package init(
        protection: String, cycle: UInt64, definition: String, nvram: [UInt8] = [], identity: Identity = .same,
        disks: [Disk], networks: [Network] = [], directory: String, tracksChanges: Bool
    ) {
        self.protection = protection
        self.cycle = cycle
        self.definition = definition
        self.nvram = nvram
        self.identity = identity
        self.disks = disks
        self.networks = networks
        self.directory = directory
        self.tracksChanges = tracksChanges
    }
}
