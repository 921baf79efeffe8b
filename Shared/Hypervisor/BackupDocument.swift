/// Writes and reads backup jobs as libvirt's XML.
enum BackupDocument {
    /// A pull-mode job: every disk is served as it is now, over NBD on `socket`, under its target as export name.
    static func make(
        socket: String, base: CheckpointName?, disks: [(target: String, scratch: String)], leftOut: [String]
    ) -> XMLElement {
        var children: [XMLElement] = []
        if let base { children.append(XMLElement("incremental", text: base.description)) }
        children.append(XMLElement("server", ["transport": "unix", "socket": socket]))
        children.append(
            XMLElement(
                "disks", [:],
                disks.map { disk in
                    XMLElement(
                        "disk", ["name": disk.target, "backup": "yes", "type": "file"],
                        [XMLElement("scratch", ["file": disk.scratch])])
                } + leftOut.map { XMLElement("disk", ["name": $0, "backup": "no"]) }))
        return XMLElement("domainbackup", ["mode": "pull"], children)
    }

    /// The socket that a running job serves on; nil for a job of another kind.
    static func socket(of backup: XMLElement) -> String? {
        backup.first("server")?["socket"]
    }

    /// The disks that a running job serves.
    static func targets(of backup: XMLElement) -> [String] {
        (backup.first("disks")?.all("disk") ?? []).filter { $0["backup"] != "no" }.compactMap { $0["name"] }
    }

    /// The name that libvirt gives by itself to the bitmap it exports for a disk.
    static func bitmapName(target: String) -> String { "backup-\(target)" }
}
