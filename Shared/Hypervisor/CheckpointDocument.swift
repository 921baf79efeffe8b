import Foundation

/// Writes and reads checkpoints as libvirt's XML.
enum CheckpointDocument {
    private static let mark = "bascule 1 "

    /// A new checkpoint over `disks`; all other disks of the guest are left out by name.
    static func make(_ name: CheckpointName, disks: [CheckpointDisk], leftOut: [String]) throws -> XMLElement {
        XMLElement(
            "domaincheckpoint", [:],
            [
                XMLElement("name", text: name.description),
                XMLElement(
                    "description", text: mark + String(decoding: try JSONEncoder().encode(disks), as: UTF8.self)),
                XMLElement(
                    "disks", [:],
                    disks.map { XMLElement("disk", ["name": $0.target, "checkpoint": "bitmap"]) }
                        + leftOut.map { XMLElement("disk", ["name": $0, "checkpoint": "no"]) }),
            ])
    }

    /// A checkpoint over one disk whose bitmap exists already; libvirt adopts it, and can then delete both.
    static func adopting(_ name: String, disk: String, leftOut: [String], domain: XMLElement) -> XMLElement {
        XMLElement(
            "domaincheckpoint", [:],
            [
                XMLElement("name", text: name),
                // libvirt wants one; it orders nothing here, because the checkpoint is deleted at once.
                XMLElement("creationTime", text: "1"),
                XMLElement(
                    "disks", [:],
                    [XMLElement("disk", ["name": disk, "checkpoint": "bitmap", "bitmap": name])]
                        + leftOut.map { XMLElement("disk", ["name": $0, "checkpoint": "no"]) }),
                domain,
            ])
    }

    /// The disks that a checkpoint was made over; nil when it carries no description of ours.
    static func disks(of checkpoint: XMLElement) throws -> [CheckpointDisk]? {
        guard let text = checkpoint.first("description")?.text, text.hasPrefix(mark) else { return nil }
        do {
            return try JSONDecoder().decode([CheckpointDisk].self, from: Data(text.dropFirst(mark.count).utf8))
        } catch {
            // Somebody edited it: as good as none.
            return nil
        }
    }
}
