/// The definition for a guest's next start, with the disks that only its present run has.
///
/// A recovery point holds the disks of the running guest, and nothing can be started from it unless its definition names all of
/// them. The two differ when a disk was attached, removed or renamed in one of them alone.
struct DefinitionCompletion {
    private(set) var definition: String
    /// Targets of disks that were added.
    private(set) var added: [String] = []

    /// - Parameters:
    ///   - stored: for the next start.
    ///   - live: of the present run.
    ///   - targets: the disks that are wanted.
    init(of stored: String, live: String, _ targets: [String]) throws {
        definition = stored
        var completed = try XMLElement(parsing: stored)
        let known = Set((completed.first("devices")?.all("disk") ?? []).compactMap(Self.target))
        let missing = Set(targets).subtracting(known)
        guard !missing.isEmpty else { return }
        for disk in try XMLElement(parsing: live).first("devices")?.all("disk") ?? [] {
            guard let target = Self.target(disk), missing.contains(target) else { continue }
            completed.edit("devices") { Self.add(disk, to: &$0) }
            added.append(target)
        }
        definition = completed.serialized
    }

    private static func target(_ disk: XMLElement) -> String? { disk.first("target")?["dev"] }

    private static func add(_ running: XMLElement, to devices: inout XMLElement) {
        var disk = running
        // What libvirt finds out anew at each start.
        disk.remove(["backingStore", "mirror"])
        disk.edit("source") { $0["index"] = nil }
        if disk.first("alias")?["name"]?.hasPrefix("ua-") != true { disk.remove(["alias"]) }
        // The same image under another name: QEMU opens none twice.
        let source = DomainDocument.Disk(disk).source
        devices.mapElements { other in
            let isSame = other.name == "disk" && source != .empty && DomainDocument.Disk(other).source == source
            return isSame ? nil : other
        }
        // Another device may have got its place meanwhile. libvirt finds it another one.
        let places = devices.elements.flatMap { $0.all("address") }.map(place)
        if let address = disk.first("address"), places.contains(place(address)) { disk.remove(["address"]) }
        let orders = devices.elements.compactMap { $0.first("boot")?["order"] }
        if let order = disk.first("boot")?["order"], orders.contains(order) { disk.remove(["boot"]) }
        devices.append(disk)
    }

    /// Devices of the same place but for the function could only be together when they were made for it.
    private static func place(_ address: XMLElement) -> [String] {
        address.attributes.filter { $0.name != "function" && $0.name != "multifunction" }
            .map { "\($0.name)=\($0.value)" }.sorted()
    }
}
