extension DefinitionRewriter {
    /// Nil removes the disk.
    mutating func rewriteDisk(_ disk: XMLElement) -> XMLElement? {
        let target = disk.first("target")?["dev"] ?? ""
        if let wanted = request.disks.first(where: { $0.target == target }) { return overlay(disk, on: wanted) }
        switch DomainDocument.Disk(disk).device {
        case .removable: return removable(disk, target: target)
        case .disk, .passedThrough:
            warnings.append("Disk \(target) is not replicated, so the guest does not have it here.")
            return nil
        }
    }

    private func overlay(_ disk: XMLElement, on wanted: ReplicaGuestRequest.Disk) -> XMLElement {
        var disk = disk
        for attribute in ["rawio", "sgio"] { disk[attribute] = nil }
        disk["type"] = "file"
        disk["device"] = "disk"
        disk.remove([
            "source", "backingStore", "mirror", "auth", "encryption", "backenddomain", "shareable", "transient",
        ])
        var driver = disk.first("driver") ?? XMLElement("driver")
        driver["name"] = "qemu"
        driver["type"] = "qcow2"
        disk.set(driver)
        disk.append(XMLElement("source", ["file": directory.overlay(wanted.target)]))
        disk.append(Self.backingStore(of: wanted))
        return disk
    }

    /// The view as libvirt describes it. libvirt before 9.5 drops `<reconnect>` for NBD; `ViewReconnect` sees to that.
    private static func backingStore(of disk: ReplicaGuestRequest.Disk) -> XMLElement {
        XMLElement(
            "backingStore", ["type": "network"],
            [
                XMLElement("format", ["type": "raw"]),
                XMLElement(
                    "source", ["protocol": "nbd", "name": disk.target],
                    [
                        XMLElement("host", ["transport": "unix", "socket": disk.viewSocket]),
                        XMLElement(
                            "reconnect",
                            ["delay": String(HypervisorLimits.viewReconnectTime.components.seconds)]),
                    ]),
                XMLElement("backingStore"),
            ])
    }

    /// A CD-ROM or floppy keeps its medium where this host has it too.
    private mutating func removable(_ disk: XMLElement, target: String) -> XMLElement {
        var disk = disk
        guard let source = disk.first("source") else { return disk }
        let path = source["file"] ?? source["dev"]
        if let path, host.exists(path) { return disk }
        let what = path ?? source["name"] ?? "from the network"
        warnings.append("Drive \(target) is empty: its medium \(what) is not on this host.")
        disk["type"] = "file"
        disk.remove(["source", "backingStore", "auth", "encryption", "mirror"])
        return disk
    }
}
