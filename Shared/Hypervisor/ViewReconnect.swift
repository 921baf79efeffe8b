import Foundation

/// Makes a guest's reads wait for a view whose server ended, until there is one on the same socket again.
///
/// QEMU's NBD client can do that (`reconnect-delay`), and libvirt tells it so from version 9.5 on, when the definition
/// holds `<reconnect>`. libvirt 9.0 drops that element, as it does the option in an image's `json:` backing name. So
/// while the guest has not executed an instruction, the client is replaced by one that waits, under the same node name,
/// so that libvirt finds everything as it left it: QEMU's `blockdev-reopen` changes the child of the raw node above it
/// (QEMU, docs/interop/qemu-qmp-ref, since 6.1).
struct ViewReconnect {
    private struct Command<Arguments: Encodable>: Encodable {
        let execute: String
        let arguments: Arguments
    }

    private struct Client: Encodable {
        struct Server: Encodable {
            let type = "unix"
            let path: String
        }
        let driver = "nbd"
        let nodeName: String
        let server: Server
        let export: String
        let readOnly = true
        let cache = Cache()
        let reconnectDelay: Int64

        enum CodingKeys: String, CodingKey {
            case driver
            case nodeName = "node-name"
            case server, export, cache
            case readOnly = "read-only"
            case reconnectDelay = "reconnect-delay"
        }
    }

    private struct Cache: Encodable {
        let direct = true
        let noFlush = false

        enum CodingKeys: String, CodingKey {
            case direct
            case noFlush = "no-flush"
        }
    }

    private struct Raw: Encodable {
        let driver = "raw"
        let nodeName: String
        let file: String
        let readOnly = true
        let discard = "unmap"
        let cache = Cache()

        enum CodingKeys: String, CodingKey {
            case driver, file, discard, cache
            case nodeName = "node-name"
            case readOnly = "read-only"
        }
    }

    private struct Options: Encodable { let options: [Raw] }

    private struct Node: Encodable {
        let nodeName: String

        enum CodingKeys: String, CodingKey { case nodeName = "node-name" }
    }

    private struct Answer: Decodable {
        struct Failure: Decodable { let desc: String }
        let error: Failure?
    }

    /// A disk's view as a running guest's definition describes it.
    struct View: Sendable, Hashable {
        let target: String
        /// Number in libvirt's node names.
        let index: String
        let socket: String
        let export: String
        /// libvirt told QEMU to wait.
        let waits: Bool
    }

    /// Views among the backing files of a running guest's disks.
    static func views(of domain: XMLElement) -> [View] {
        (domain.first("devices")?.all("disk") ?? []).compactMap { disk in
            guard let store = disk.first("backingStore"), store["type"] == "network",
                let source = store.first("source"), source["protocol"] == "nbd", let index = store["index"],
                let target = disk.first("target")?["dev"], let socket = source.first("host")?["socket"]
            else { return nil }
            return View(
                target: target, index: index, socket: socket, export: source["name"] ?? "",
                waits: source.first("reconnect") != nil)
        }
    }

    /// Whether a definition, running or not, has a disk on a view.
    static func isNeeded(by domain: XMLElement) -> Bool {
        (domain.first("devices")?.all("disk") ?? []).contains { disk in
            disk.first("backingStore", "source")?["protocol"] == "nbd"
        }
    }

    /// To be called while the guest is paused. Blocks.
    static func apply(to domain: LibvirtDomain) throws {
        for view in views(of: try XMLElement(parsing: domain.xml(inactive: false))) where !view.waits {
            let own = "libvirt-\(view.index)-storage"
            let raw = "libvirt-\(view.index)-format"
            let meanwhile = "bascule-\(view.index)"
            try add(view, as: meanwhile, domain)
            try reopen(raw, on: meanwhile, domain)
            try ask(domain, "blockdev-del", Node(nodeName: own))
            try add(view, as: own, domain)
            try reopen(raw, on: own, domain)
            try ask(domain, "blockdev-del", Node(nodeName: meanwhile))
        }
    }

    private static func add(_ view: View, as name: String, _ domain: LibvirtDomain) throws {
        try ask(
            domain, "blockdev-add",
            Client(
                nodeName: name, server: .init(path: view.socket), export: view.export,
                reconnectDelay: HypervisorLimits.viewReconnectTime.components.seconds))
    }

    private static func reopen(_ raw: String, on client: String, _ domain: LibvirtDomain) throws {
        try ask(domain, "blockdev-reopen", Options(options: [Raw(nodeName: raw, file: client)]))
    }

    private static func ask(_ domain: LibvirtDomain, _ command: String, _ arguments: some Encodable) throws {
        let question = try JSONEncoder().encode(Command(execute: command, arguments: arguments))
        let answer = try domain.askQEMU(String(decoding: question, as: UTF8.self))
        if let error = try JSONDecoder().decode(Answer.self, from: Data(answer.utf8)).error {
            throw HypervisorError(
                .operationFailed, "The disks of guest \(domain.name) can not be made to wait for their view.",
                cause: "\(command): \(error.desc)")
        }
    }
}
