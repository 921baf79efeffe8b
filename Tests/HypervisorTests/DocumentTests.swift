import Testing

@testable import Hypervisor

struct XMLElementTests {
    @Test func whatIsReadIsWrittenAgain() throws {
        let text = "<a x='1' y='&lt;&apos;'><b/>te&amp;xt<c:d>é</c:d></a>"
        #expect(try XMLElement(parsing: text).serialized == text)
    }

    @Test func declarationsCommentsAndSectionsAreUnderstood() throws {
        let text = """
            <?xml version='1.0'?><!-- a --><root a="it's">
              <!-- b <c> --><x><![CDATA[<&>]]></x><y>&#65;&#x42;</y>
            </root>
            """
        let root = try XMLElement(parsing: text)
        #expect(root["a"] == "it's")
        #expect(root.first("x")?.text == "<&>")
        #expect(root.first("y")?.text == "AB")
    }

    @Test func attributesAreSetAndRemoved() throws {
        var element = try XMLElement(parsing: "<a b='1'/>")
        element["b"] = "2"
        element["c"] = "3"
        #expect(element.serialized == "<a b='2' c='3'/>")
        element["b"] = nil
        #expect(element.serialized == "<a c='3'/>")
    }

    @Test(arguments: [
        "", "<a>", "<a></b>", "<a b/>", "<a b=c/>", "<a b='c/>", "text", "<a/><b/>", "<a>&unknown;</a>", "<a>&#xD800;</a>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "<a><!DOCTYPE b></a>", "<a><![CDATA[b</a>", "<a b='<'/>", "<>", "<a", "</a>",
    ])
    func whatIsNotWellFormedIsRefused(text: String) {
        #expect { try XMLElement(parsing: text) } throws: { ($0 as? HypervisorError)?.code == .invalidDefinition }
    }

    @Test func depthIsBounded() {
        let deep = String(repeating: "<a>", count: 100_000)
        #expect(throws: HypervisorError.self) { try XMLElement(parsing: deep) }
    }
}

struct DomainDocumentTests {
    @Test func aDefinitionIsUnderstood() throws {
        let document = try DomainDocument(parsing: DefinitionFixture.running)
        #expect(document.name == "web & more")
        #expect(document.uuid == "0f1e2d3c-0000-4000-8000-000000000001")
        #expect(document.memoryBytes == 2 << 30)
        #expect(document.virtualCPUs == 4)
        #expect(document.nvram == "/var/lib/libvirt/qemu/nvram/web_VARS.fd")
        #expect(document.hasGuestAgent)
        #expect(document.hostDevices == ["pci"])
        #expect(document.disks.map(\.target) == ["vda", "vdb", "sda", "vdc", "vdd", "vde"])
        #expect(document.disks[0].source == .local("/images/web.qcow2"))
        #expect(document.disks[0].format == "qcow2")
        #expect(document.disks[1].source == .local("/dev/vg/data"))
        #expect(document.disks[2].device == .removable)
        #expect(document.disks[3].isShared)
        #expect(document.disks[4].isReadonly)
        #expect(document.disks[5].source == .other("network"))
    }

    @Test(arguments: [("KiB", "4", UInt64(4_096)), ("b", "7", 7), ("GiB", "1", 1 << 30), ("MB", "2", 2_000_000)])
    func memoryHasUnits(unit: String, number: String, bytes: UInt64) throws {
        let text = "<domain><name>a</name><uuid>b</uuid><memory unit='\(unit)'>\(number)</memory></domain>"
        #expect(try DomainDocument(parsing: text).memoryBytes == bytes)
    }

    @Test(arguments: [
        "<domain><name>a</name></domain>", "<network><name>a</name><uuid>b</uuid></network>",
        "<domain><name>a</name><uuid>b</uuid><memory unit='TiB'>99999999999999</memory></domain>",
        "<domain><name>a</name><uuid>b</uuid><memory unit='bogus'>1</memory></domain>",
    ])
    func whatIsNoGuestIsRefused(text: String) {
        #expect { try DomainDocument(parsing: text) } throws: { ($0 as? HypervisorError)?.code == .invalidDefinition }
    }
}

struct CheckpointDocumentTests {
    private let name = CheckpointName(protection: "ABCDEF01-0000-4000-8000-000000000000", cycle: 7)
    private let disks = [CheckpointDisk(target: "vda", sizeBytes: 10, inode: 3)]

    @Test func aCheckpointTellsItsDisksAgain() throws {
        let made = try CheckpointDocument.make(name, disks: disks, leftOut: ["sda"])
        #expect(made.first("name")?.text == "bascule-abcdef01-7")
        let listed = made.first("disks")?.all("disk").map { [$0["name"], $0["checkpoint"]] }
        #expect(listed == [["vda", "bitmap"], ["sda", "no"]])
        let read = try XMLElement(parsing: made.serialized)
        #expect(try CheckpointDocument.disks(of: read) == disks)
    }

    @Test(arguments: ["", "by hand", "bascule 1 garbage", "bascule 2 []"])
    func aDescriptionThatIsNotOursTellsNothing(text: String) throws {
        let document = XMLElement("domaincheckpoint", [:], [XMLElement("description", text: text)])
        #expect(try CheckpointDocument.disks(of: document) == nil)
    }

    @Test func anIncrementalJobNamesItsBase() {
        let job = BackupDocument.make(
            socket: "/c/bascule-x.sock", base: name, disks: [("vda", "/c/s")], leftOut: ["sda"])
        #expect(job["mode"] == "pull")
        #expect(job.first("incremental")?.text == "bascule-abcdef01-7")
        #expect(BackupDocument.socket(of: job) == "/c/bascule-x.sock")
        #expect(job.first("disks")?.all("disk").map { $0["backup"] } == ["yes", "no"])
    }
}

struct CheckpointNameTests {
    @Test func namesAreReadBack() {
        let name = CheckpointName(protection: "ABCDEF01-0000-4000-8000-000000000000", cycle: 12)
        #expect(CheckpointName("bascule-abcdef01-12") == name)
        #expect(name.belongs(to: "abcdef01-ffff"))
        #expect(!name.belongs(to: "abcdef02-ffff"))
    }

    @Test(arguments: [
        "", "bascule-", "bascule-abcdef01", "bascule-abcdef01-", "bascule-abcdef01-x", "bascule-ABCDEF01-1", "bascule-abcdef01-01",
        "bascule-abcdef0-1", "bascule-abcdef011-1", "bascule-abcdefgh-1", "virtnbdbackup.0", "bascule-abcdef01-1-2",
    ])
    func whatIsNotOursIsNotTouched(text: String) {
        #expect(CheckpointName(text) == nil)
    }

    @Test func theNewestUpToACycleIsTheBase() {
        let protection = "abcdef01"
        let names = [1, 4, 9].map { CheckpointName(protection: protection, cycle: $0) }
            + [CheckpointName(protection: "00000000", cycle: 5)]
        #expect(names.newest(ofProtection: protection, upTo: 6)?.cycle == 4)
        #expect(names.newest(ofProtection: protection, upTo: 9)?.cycle == 9)
        #expect(names.newest(ofProtection: protection, upTo: 0) == nil)
    }
}

struct CheckpointComparisonTests {
    private func code(_ before: [String: UInt64], _ now: [String: UInt64]) -> HypervisorError.Code? {
        do {
            try CheckpointComparison(atCheckpoint: before, now: now).check()
            return nil
        } catch {
            return (error as? HypervisorError)?.code
        }
    }

    @Test func everyChangeOfDisksIsNamed() {
        #expect(code(["vda": 1], ["vda": 1]) == nil)
        #expect(code(["vda": 1], ["vda": 2]) == .needsCompare)
        #expect(code(["vda": 1], ["vda": 1, "vdb": 1]) == .needsFull)
        #expect(code(["vda": 1, "vdb": 1], ["vda": 1]) == .needsCompare)
        // Added and removed at once: the target has nothing of the new one.
        #expect(code(["vda": 1], ["vdb": 1]) == .needsFull)
    }
}
