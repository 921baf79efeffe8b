/// What a domain definition says that matters to captures.
struct DomainDocument: Sendable, Hashable {
    struct Disk: Sendable, Hashable {
        enum Device: Sendable, Hashable {
            case disk
            case removable
            case passedThrough
        }

        enum Source: Sendable, Hashable {
            /// A file or a block device of this host.
            case local(String)
            /// Anything else, by its type in the definition.
            case other(String)

            static let empty = Source.other("empty")
        }

        let target: String
        let device: Device
        let format: String
        let source: Source
        let isShared: Bool
        let isReadonly: Bool
        /// Its backing files are given up at the end, so nothing on it lasts.
        let isTransient: Bool
        /// libvirt keeps checkpoints of it: not of a CD-ROM drive, with or without a medium.
        var mayHaveBitmaps: Bool { device == .disk && !isReadonly && source != .empty }

        init(_ element: XMLElement) {
            target = element.first("target")?["dev"] ?? ""
            device =
                switch element["device"] ?? "disk" {
                case "cdrom", "floppy": .removable
                case "lun": .passedThrough
                default: .disk
                }
            format = element.first("driver")?["type"] ?? "raw"
            let type = element["type"] ?? "file"
            let place = element.first("source")
            source =
                switch type {
                case "file": place?["file"].map { .local($0) } ?? .empty
                case "block": place?["dev"].map { .local($0) } ?? .empty
                default: .other(type)
                }
            isShared = element.first("shareable") != nil
            isReadonly = element.first("readonly") != nil
            isTransient = element.first("transient") != nil
        }
    }

    enum TPM: Sendable, Hashable {
        case none
        case emulated
        /// Emulated, and its state encrypted with a secret that libvirt of its host alone knows.
        case encrypted
        /// The host's own, or another program's; with its kind.
        case elsewhere(String)

        init(_ element: XMLElement?) {
            guard let backend = element?.first("backend") else {
                self = .none
                return
            }
            switch backend["type"] ?? "" {
            case "emulator": self = backend.first("encryption") == nil ? .emulated : .encrypted
            case let kind: self = .elsewhere(kind)
            }
        }
    }

    let name: String
    let uuid: String
    let memoryBytes: UInt64
    let virtualCPUs: Int
    let disks: [Disk]
    /// File of the UEFI variables.
    let nvram: String?
    let tpm: TPM
    /// Kinds of devices passed through from the host.
    let hostDevices: [String]
    /// The guest agent's channel is connected; known of running guests alone.
    let hasGuestAgent: Bool

    init(parsing text: String) throws {
        let domain = try XMLElement(parsing: text)
        guard domain.name == "domain", let name = domain.first("name")?.text, let uuid = domain.first("uuid")?.text
        else { throw HypervisorError(.invalidDefinition, "The definition is not one of a guest.") }
        self.name = name
        self.uuid = uuid
        memoryBytes = try Self.memory(domain.first("memory"))
        virtualCPUs = domain.first("vcpu").flatMap { Int($0.text) } ?? 1
        let devices = domain.first("devices") ?? XMLElement("devices")
        disks = devices.all("disk").map(Disk.init)
        nvram = domain.first("os", "nvram").flatMap { nvram in
            let path = nvram.first("source")?["file"] ?? nvram.text
            return path.isEmpty ? nil : path
        }
        tpm = TPM(devices.first("tpm"))
        hostDevices = devices.all("hostdev").map { $0["type"] ?? "device" }
        hasGuestAgent = devices.all("channel").compactMap { $0.first("target") }.contains {
            $0["name"] == "org.qemu.guest_agent.0" && $0["state"] == "connected"
        }
    }

    private static func memory(_ element: XMLElement?) throws -> UInt64 {
        guard let element, let number = UInt64(element.text) else { return 0 }
        let factor: UInt64? =
            switch element["unit"] ?? "KiB" {
            case "b", "bytes": 1
            case "KB": 1_000
            case "k", "KiB": 1 << 10
            case "MB": 1_000_000
            case "M", "MiB": 1 << 20
            case "GB": 1_000_000_000
            case "G", "GiB": 1 << 30
            case "TB": 1_000_000_000_000
            case "T", "TiB": 1 << 40
            default: nil
            }
        guard let factor, case let (bytes, overflows) = number.multipliedReportingOverflow(by: factor), !overflows
        else {
            throw HypervisorError(.invalidDefinition, "The definition's memory is not a size.")
        }
        return bytes
    }
}
