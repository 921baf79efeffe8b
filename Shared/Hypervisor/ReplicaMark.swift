/// What the definition of a guest says when it was started from a recovery point: an element in its `<metadata>`, so
/// that libvirt keeps it as long as the guest, and an operator sees it with `virsh dumpxml`.
struct ReplicaMark: Sendable, Hashable {
    /// Names the element's kind and its version; nothing is found there.
    static let namespace = "urn:bascule:replica:1"
    private static let element = "bascule:replica"

    let protection: String
    let cycle: UInt64
    let directory: String

    init(protection: String, cycle: UInt64, directory: String) {
        self.protection = protection
        self.cycle = cycle
        self.directory = directory
    }

    /// Nil when the guest was not started from a recovery point.
    init?(of domain: XMLElement) {
        guard let mark = domain.first("metadata")?.all(Self.element).first(where: Self.isMark),
            let protection = mark["protection"], let cycle = mark["cycle"].flatMap({ UInt64($0) }),
            let directory = mark["directory"]
        else { return nil }
        self.init(protection: protection, cycle: cycle, directory: directory)
    }

    /// Writes the mark, in place of an older one.
    func put(into domain: inout XMLElement) {
        var metadata = domain.first("metadata") ?? XMLElement("metadata")
        metadata.mapElements { Self.isMark($0) ? nil : $0 }
        metadata.append(
            XMLElement(
                Self.element,
                [
                    "xmlns:bascule": Self.namespace, "protection": protection, "cycle": String(cycle),
                    "directory": directory,
                ]))
        domain.set(metadata)
    }

    private static func isMark(_ element: XMLElement) -> Bool {
        element.name == Self.element && element["xmlns:bascule"] == namespace
    }
}
