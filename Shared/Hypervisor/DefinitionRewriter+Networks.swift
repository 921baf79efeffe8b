extension DefinitionRewriter {
    /// What an interface keeps whatever it is connected to.
    private static let own: Set<String> = ["mac", "model", "boot", "rom", "acpi", "address", "alias", "link"]
    /// What it keeps beside that on a bridge.
    private static let onBridge: Set<String> = ["driver", "mtu", "bandwidth", "coalesce", "tune", "port"]

    mutating func rewriteInterface(_ interface: XMLElement) -> XMLElement {
        var interface = interface
        if isTest { interface.set(XMLElement("mac", ["address": host.macAddress()])) }
        let mac = interface.first("mac")?["address"] ?? "without an address"
        for dropped in ["filterref", "vlan", "virtualport"] where interface.first(dropped) != nil {
            warnings.append("Network interface \(mac) has no <\(dropped)> here.")
        }
        let type = interface["type"] ?? ""
        if type == "user", !isTest {
            interface.remove(["filterref", "vlan", "virtualport"])
            return interface
        }
        let source = interface.first("source")
        guard let network = source?["network"] ?? source?["bridge"] ?? source?["dev"] else {
            let why = isTest && type == "user" ? "a test touches no network that production uses" : "it has no mapping"
            warnings.append("Network interface \(mac) of type \(type) is disconnected: \(why).")
            return disconnected(interface)
        }
        guard let mapping = request.networks.first(where: { $0.source == network }) else {
            warnings.append("Network interface \(mac) is disconnected: network \(network) has no mapping.")
            return disconnected(interface)
        }
        guard let bridge = mapping.target else { return disconnected(interface) }
        interface.attributes = [.init(name: "type", value: "bridge")]
        interface.keep(Self.own.union(Self.onBridge))
        interface.append(XMLElement("source", ["bridge": bridge]))
        return interface
    }

    /// A network card without a cable. It has to be connected to something, and QEMU's own network stack needs nothing
    /// of the host.
    private func disconnected(_ interface: XMLElement) -> XMLElement {
        var interface = interface
        interface.attributes = [.init(name: "type", value: "user")]
        interface.keep(Self.own)
        interface.set(XMLElement("link", ["state": "down"]))
        return interface
    }
}
