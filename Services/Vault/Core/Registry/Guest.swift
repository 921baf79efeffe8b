/// A libvirt domain, as its host last reported it.
struct Guest: Hashable, Sendable {
    struct Key: Hashable, Comparable, Sendable {
        var hostID: RegistryIdentifier
        var uuid: RegistryIdentifier

        static func < (left: Self, right: Self) -> Bool {
            (left.hostID, left.uuid) < (right.hostID, right.uuid)
        }
    }

    var key: Key
    var name: String
    var power: GuestPower
    var memoryBytes: UInt64
    var virtualCPUs: UInt32
    var disks: [GuestDisk]
    /// What the host's preflight says, so that protection is refused at once and not at the first cycle.
    var findings: [GuestFinding]
    /// A QEMU guest agent answers: application consistency is possible.
    var hasGuestAgent: Bool
    /// SHA-256 of the inactive definition.
    var definitionDigest: [UInt8]

    /// Sum of the virtual sizes, saturating, because sizes come from a peer.
    var diskBytes: UInt64 {
        disks.reduce(0) { $0.addingSaturating($1.sizeBytes) }
    }

    var blockingFindings: [GuestFinding] { findings.filter(\.isBlocking) }

    /// What it takes of a snapshot, rounded up: its texts, and room for the numbers and the framing.
    var estimatedBytes: Int {
        let disks = disks.reduce(0) { $0 + $1.target.utf8.count + $1.format.utf8.count + $1.source.utf8.count + 24 }
        let findings = findings.reduce(0) {
            $0 + $1.rule.utf8.count + $1.subject.utf8.count + $1.message.utf8.count + $1.remedy.utf8.count + 24
        }
        return name.utf8.count + definitionDigest.count + 128 + disks + findings
    }
}

enum GuestPower: String, Hashable, CaseIterable, Codable, Sendable {
    case running, paused, shutOff, crashed
}

struct GuestDisk: Hashable, Codable, Sendable {
    /// libvirt's name in the guest: `vda`.
    var target: String
    /// Virtual size.
    var sizeBytes: UInt64
    /// `qcow2` or `raw`.
    var format: String
    /// File or device on the host.
    var source: String
}

/// A broken rule that the host found before anything was touched.
struct GuestFinding: Hashable, Codable, Sendable {
    /// Stable name, for example `raw-disk`.
    var rule: String
    /// The disk or device.
    var subject: String
    var message: String
    var remedy: String
    var isBlocking: Bool
}
