extension DefinitionRewriter {
    /// Elements that are one thing of the source host, and what they are called.
    private static let ofTheSource = [
        "hostdev": "A device of the source host that was passed through", "filesystem": "A folder of the source host",
        "lease": "A lease", "smartcard": "A smart card",
    ]

    mutating func rewriteDevices(_ devices: inout XMLElement) throws {
        let targets = Set(devices.all("disk").compactMap { $0.first("target")?["dev"] })
        if let absent = request.disks.first(where: { !targets.contains($0.target) }) {
            throw HypervisorError(
                .invalidDefinition, "The point holds disk \(absent.target), and its definition does not name it.")
        }
        let hasSerial = devices.first("serial") != nil
        devices.remove(["emulator"])
        devices.content.insert(.element(XMLElement("emulator", text: host.emulator)), at: 0)
        devices.mapElements { rewriteDevice($0, hasSerial: hasSerial) }
    }

    private mutating func rewriteDevice(_ device: XMLElement, hasSerial: Bool) -> XMLElement? {
        switch device.name {
        case "disk": return rewriteDisk(device)
        case "interface": return rewriteInterface(device)
        case "console" where hasSerial && [nil, "serial"].contains(device.first("target")?["type"]):
            // The same as the first serial port, which libvirt adds by itself.
            return nil
        case "serial", "parallel", "console", "channel": return rewriteCharacterDevice(device)
        case "graphics": return rewriteGraphics(device)
        case "tpm": return rewriteTPM(device)
        case "vsock":
            var device = device
            if isTest { device.set(XMLElement("cid", ["auto": "yes"])) }
            return device
        case "input" where ["passthrough", "evdev"].contains(device["type"]):
            return leftOut("An input device of the source host")
        case "redirdev" where device["type"] != "spicevmc": return leftOut("USB redirection over the network")
        case "memory" where device.first("source", "path") != nil:
            return leftOut("Memory that is a file of the source host")
        case "shmem" where device.first("server") != nil: return leftOut("Memory shared through a server")
        case "rng" where !hasEntropy(device): return leftOut("A source of randomness of the source host")
        case let name where Self.ofTheSource[name] != nil: return leftOut(Self.ofTheSource[name]!)
        default: return device
        }
    }

    private mutating func leftOut(_ what: String) -> XMLElement? {
        warnings.append("\(what) is left out.")
        return nil
    }

    private func hasEntropy(_ device: XMLElement) -> Bool {
        guard let backend = device.first("backend") else { return true }
        switch backend["model"] {
        case "random": return backend.text.isEmpty || host.exists(backend.text)
        case "builtin": return true
        default: return false
        }
    }

    // MARK: Serial ports and channels

    private mutating func rewriteCharacterDevice(_ device: XMLElement) -> XMLElement {
        let number = deviceCounts[device.name, default: 0]
        deviceCounts[device.name] = number + 1
        let name = "\(device.name)\(number)"
        var device = device
        device.edit("log") { $0["file"] = directory.device("\(name).out") }
        let source = device.first("source")
        switch device["type"] ?? "" {
        case "null", "vc", "spicevmc", "spiceport", "qemu-vdagent", "dbus": return device
        case "pty":
            device.remove(["source"])
            return device
        case "file": return moved(device, to: directory.device("\(name).log"))
        case "unix" where source?["mode"] != "connect":
            // libvirt chooses the path of a channel that names none, as it does for the guest agent's.
            guard source?["path"] != nil else { return device }
            if device.first("target")?["name"] == "org.qemu.guest_agent.0" {
                device.remove(["source"])
                return device
            }
            let path = directory.device("\(name).sock")
            return path.utf8.count < HypervisorLimits.socketPathBytes ? moved(device, to: path) : silenced(device, name)
        default: return silenced(device, name)
        }
    }

    private mutating func moved(_ device: XMLElement, to path: String) -> XMLElement {
        var device = device
        device.edit("source") { source in
            source["path"] = path
            source.content = []
        }
        warnings.append("The guest's \(device.name) port goes to \(path) here.")
        return device
    }

    private mutating func silenced(_ device: XMLElement, _ name: String) -> XMLElement {
        var device = device
        warnings.append("Device \(name) of type \(device["type"] ?? "unknown") is connected to nothing here.")
        device["type"] = "null"
        device.remove(["source", "protocol", "log"])
        return device
    }

    // MARK: Screens and TPM

    private mutating func rewriteGraphics(_ graphics: XMLElement) -> XMLElement {
        var graphics = graphics
        // Two guests on one host can not have the same port.
        if isTest, graphics["port"] != nil || graphics["autoport"] != nil {
            graphics["port"] = nil
            graphics["tlsPort"] = nil
            graphics["websocket"] = nil
            graphics["autoport"] = "yes"
        }
        graphics.edit("gl") { $0["rendernode"] = nil }
        let listens = graphics.all("listen")
        let addresses = listens.compactMap { $0["address"] } + [graphics["listen"]].compactMap { $0 }
        let isEverywhere = addresses.allSatisfy { ["127.0.0.1", "0.0.0.0", "::1", "::"].contains($0) }
        if isEverywhere, listens.allSatisfy({ $0["type"] != "network" && $0["socket"] == nil }) { return graphics }
        warnings.append("The guest's screen is at 127.0.0.1 here.")
        graphics["listen"] = nil
        graphics["socket"] = nil
        graphics.remove(["listen"])
        graphics.append(XMLElement("listen", ["type": "address", "address": "127.0.0.1"]))
        return graphics
    }

    private mutating func rewriteTPM(_ tpm: XMLElement) -> XMLElement? {
        guard tpm.first("backend")?["type"] == "emulator" else { return leftOut("The TPM of the source host") }
        guard host.hasSoftwareTPM else { return leftOut("The guest's TPM, for lack of the program swtpm,") }
        var tpm = tpm
        // A secret of the source's libvirt is not known here.
        tpm.edit("backend") { backend in
            backend.remove(["encryption", "source"])
        }
        if firmware.tpm.isEmpty {
            warnings.append(
                "The point holds no TPM state: what the guest sealed with its TPM can not be unsealed here.")
        }
        return tpm
    }
}
