import CLibvirt
import Glibc
import Synchronization

/// A connection to libvirt. Every method blocks, so it is called on threads of `BlockingThreads` alone.
///
/// @unchecked because libvirt allows any thread to use a connection, and the pointer never changes.
final class LibvirtConnection: @unchecked Sendable {
    let pointer: virConnectPtr
    let uri: String
    private let marks: MigrationMarks
    private let callbacks: [Int32]
    private let owner = Mutex<Owner>(.unknown)

    private enum Owner {
        case unknown
        case known((user: UInt32, group: UInt32)?)
    }

    /// - Parameter onChange: called on the event loop's thread; must not block nor call libvirt. Nil hears of no change.
    init(uri: String, marks: MigrationMarks, onChange: (@Sendable (GuestChange) -> Void)?) throws {
        guard LibvirtEventLoop.isRunning else {
            throw HypervisorError(.unavailable, "libvirt could not be started in this process.")
        }
        guard let pointer = virConnectOpen(uri) else {
            throw HypervisorError(
                .unavailable, "The hypervisor at \(uri) can not be reached.", cause: LibvirtFailure.last().words,
                remedy: "See that libvirt runs and that this user may use it.")
        }
        self.pointer = pointer
        self.uri = uri
        self.marks = marks
        callbacks = onChange.map { LibvirtEvents.register(on: pointer, $0) } ?? []
    }

    deinit {
        for callback in callbacks { virConnectDomainEventDeregisterAny(pointer, callback) }
        virConnectClose(pointer)
    }

    var isAlive: Bool { virConnectIsAlive(pointer) == 1 }

    func domains() throws -> [LibvirtDomain] {
        var list: UnsafeMutablePointer<virDomainPtr?>?
        let count = virConnectListAllDomains(pointer, &list, 0)
        guard count >= 0 else { throw LibvirtFailure.last().whileDoing("The guests could not be listed.") }
        defer { free(list) }
        return (0..<Int(count)).compactMap { list?[$0].map { LibvirtDomain($0, marks) } }
    }

    func domain(_ uuid: String) throws -> LibvirtDomain {
        guard let domain = virDomainLookupByUUIDString(pointer, uuid) else {
            let failure = LibvirtFailure.last()
            // Text that is no UUID names no guest either.
            if failure.is(VIR_ERR_NO_DOMAIN) || failure.is(VIR_ERR_INVALID_ARG) {
                throw HypervisorError(.guestNotFound, "There is no guest \(uuid) on this host.")
            }
            throw failure.whileDoing("Guest \(uuid) could not be looked up.")
        }
        return LibvirtDomain(domain, marks)
    }

    /// Nil when there is none.
    func domain(named name: String) throws -> LibvirtDomain? {
        guard let domain = virDomainLookupByName(pointer, name) else {
            let failure = LibvirtFailure.last()
            if failure.is(VIR_ERR_NO_DOMAIN) { return nil }
            throw failure.whileDoing("Guest \(name) could not be looked up.")
        }
        return LibvirtDomain(domain, marks)
    }

    /// Nil when there is none.
    func knownDomain(_ uuid: String) throws -> LibvirtDomain? {
        do {
            return try domain(uuid)
        } catch let error as HypervisorError where error.code == .guestNotFound {
            return nil
        }
    }

    /// What this host's QEMU offers guests of a kind; throws `.hostUnfit` when it has no such machine.
    func capabilities(architecture: String, machine: String?, type: String) throws -> XMLElement {
        guard let text = virConnectGetDomainCapabilities(pointer, nil, architecture, machine, type, 0) else {
            throw HypervisorError(
                .hostUnfit,
                "This host can not run a guest of the machine type \(machine ?? "default") (\(architecture), \(type)).",
                cause: LibvirtFailure.last().words,
                remedy: "Install a QEMU that has it, or give the guest a machine type that both hosts have.")
        }
        defer { free(text) }
        return try XMLElement(parsing: String(cString: text))
    }

    func define(_ xml: String) throws -> LibvirtDomain {
        guard let domain = virDomainDefineXML(pointer, xml) else {
            let failure = LibvirtFailure.last()
            throw HypervisorError(
                .invalidDefinition, "The hypervisor refuses the definition.", cause: failure.words)
        }
        return LibvirtDomain(domain, marks)
    }

    func versions() throws -> HypervisorVersions {
        var library: UInt = 0
        var hypervisor: UInt = 0
        guard virConnectGetLibVersion(pointer, &library) == 0, virConnectGetVersion(pointer, &hypervisor) == 0 else {
            throw LibvirtFailure.last().whileDoing("The hypervisor's version could not be read.")
        }
        return HypervisorVersions(library: library, emulator: hypervisor)
    }

    func hostName() throws -> String {
        guard let name = virConnectGetHostname(pointer) else {
            throw LibvirtFailure.last().whileDoing("The host's name could not be read.")
        }
        defer { free(name) }
        return String(cString: name)
    }

    func memoryBytes() throws -> UInt64 {
        var information = virNodeInfo()
        guard virNodeGetInfo(pointer, &information) == 0 else {
            throw LibvirtFailure.last().whileDoing("The host's memory could not be read.")
        }
        return UInt64(information.memory) * 1_024
    }

    /// The user and group that QEMU runs as, when libvirt tells. Asked once, because libvirt reads its settings when it is
    /// started, its answer takes a tenth of a second, and a guest's start waits for it.
    func qemuOwner() throws -> (user: UInt32, group: UInt32)? {
        try owner.withLock { known in
            if case .known(let owner) = known { return owner }
            let owner = try readQemuOwner()
            known = .known(owner)
            return owner
        }
    }

    private func readQemuOwner() throws -> (user: UInt32, group: UInt32)? {
        guard let text = virConnectGetCapabilities(pointer) else {
            throw LibvirtFailure.last().whileDoing("The host's capabilities could not be read.")
        }
        defer { free(text) }
        let host = try XMLElement(parsing: String(cString: text)).first("host")
        guard let model = host?.all("secmodel").first(where: { $0.first("model")?.text == "dac" }),
            let label = model.all("baselabel").first(where: { $0["type"] == "qemu" || $0["type"] == "kvm" })
        else { return nil }
        let numbers = label.text.split(separator: ":").compactMap { UInt32($0.drop { $0 == "+" }) }
        return numbers.count == 2 ? (numbers[0], numbers[1]) : nil
    }
}
