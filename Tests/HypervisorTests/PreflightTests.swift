import Testing

@testable import Hypervisor

struct PreflightTests {
    private func findings(
        _ definition: String = DefinitionFixture.running, _ change: (inout Preflight.Facts) -> Void = { _ in }
    ) throws -> [Finding] {
        let document = try DomainDocument(parsing: definition)
        var facts = Preflight.Facts(scratchFreeBytes: 10 << 30, scratchReserveBytes: 1 << 30)
        facts.images["vda"] = .header(ImageHeader(ImageHeaderTests.qcow2()))
        change(&facts)
        return Preflight(document: document, facts: facts).findings
    }

    private func rules(_ change: (inout Preflight.Facts) -> Void) throws -> [PreflightRule: String] {
        Dictionary(try findings(change: change).map { ($0.rule, $0.subject) }) { first, _ in first }
    }

    private func findings(change: (inout Preflight.Facts) -> Void) throws -> [Finding] {
        try findings(DefinitionFixture.running, change)
    }

    @Test func everyDiskThatIsNotCapturedIsNamed() throws {
        let found = try rules { _ in }
        #expect(
            found == [
                .rawDisk: "vdb", .removableSkipped: "sda", .sharedDiskSkipped: "vdc", .readonlySkipped: "vdd",
                .unsupportedSource: "vde", .hostDevice: "pci",
            ])
    }

    @Test func everyFactThatBreaksARuleIsFound() throws {
        let old = ImageHeader(ImageHeaderTests.qcow2(version: 2))
        let encrypted = ImageHeader(ImageHeaderTests.qcow2(encryption: 2))
        #expect(try rules { $0.isPersistent = false }[.transientGuest] == "")
        #expect(try rules { $0.supportsCheckpoints = false }[.noCheckpointSupport] == "")
        #expect(try rules { $0.snapshots = 2 }[.snapshots] == "")
        #expect(try rules { $0.foreignJob = "a migration" }[.foreignBackup] == "")
        #expect(try rules { $0.liveOnlyDisks = ["vda"] }[.liveOnlyDisk] == "vda")
        #expect(try rules { $0.end = .saved }[.savedMemory] == "")
        #expect(try rules { $0.end = .migrated(mark: nil) }[.migrated] == "")
        #expect(try rules { $0.blockJobs = ["vda"] }[.blockJob] == "vda")
        #expect(try rules { $0.scratchFreeBytes = 1 << 30 }[.scratchSpace] == "")
        #expect(try rules { $0.images["vda"] = .unreadable("gone") }[.unreadableDisk] == "vda")
        #expect(try rules { $0.images["vda"] = .header(old) }[.oldQcow2] == "vda")
        #expect(try rules { $0.images["vda"] = .header(encrypted) }[.encryptedDisk] == "vda")
        #expect(try rules { $0.images["vda"] = .header(ImageHeader([])) }[.unsupportedFormat] == "vda")
    }

    @Test func aGuestWithoutDisksIsRefused() throws {
        let found = try findings("<domain><name>a</name><uuid>b</uuid></domain>")
        #expect(found.map(\.rule) == [.noDisks])
        #expect(found[0].isBlocking)
    }

    /// Those that are not captured do not count.
    @Test(arguments: [63, 64, 65])
    func aGuestWithMoreDisksThanAPointHoldsIsRefused(captured: Int) throws {
        let disks = (0..<captured).map {
            "<disk type='file' device='disk'><driver type='qcow2'/><source file='/d'/><target dev='vd\($0)'/></disk>"
        }
        let rest = "<disk type='file' device='cdrom'><target dev='sda'/></disk>"
        let found = try findings(
            "<domain><name>a</name><uuid>b</uuid><devices>\(disks.joined())\(rest)</devices></domain>"
        ).filter { $0.rule == .tooManyDisks }
        #expect(found.count == (captured > 64 ? 1 : 0))
        #expect(found.allSatisfy { $0.isBlocking && $0.rule.refusesCapture && $0.message.contains("65 disks") })
    }

    @Test func aTPMWhoseStateCannotGoAlongIsTold() throws {
        func tpm(_ backend: String) throws -> [Finding] {
            try findings(
                "<domain><name>a</name><uuid>b</uuid><devices><tpm model='tpm-crb'>\(backend)</tpm></devices></domain>"
            ).filter { $0.rule == .tpmState }
        }
        #expect(try tpm("<backend type='emulator' version='2.0'/>").isEmpty)
        let own = try tpm("<backend type='passthrough'><device path='/dev/tpm0'/></backend>")
        #expect(own.count == 1 && !own[0].isBlocking && own[0].message.contains("passthrough"))
        let sealed = try tpm("<backend type='emulator'><encryption secret='6dd3e4a5'/></backend>")
        #expect(sealed.count == 1 && sealed[0].message.contains("encrypted") && sealed[0].message.hasSuffix("."))
    }

    @Test func everyMessageIsASentence() throws {
        for finding in try findings(change: { $0.snapshots = 1 }) {
            #expect(finding.message.hasSuffix("."))
            #expect(finding.remedy.isEmpty || finding.remedy.hasSuffix("."))
        }
    }

    @Test func whatBlocksProtectingAlsoRefusesACapture() {
        for rule in PreflightRule.allCases where rule.isBlocking { #expect(rule.refusesCapture) }
    }
}

struct ImageHeaderTests {
    static func qcow2(version: UInt8 = 3, encryption: UInt8 = 0) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 72)
        bytes.replaceSubrange(0..<4, with: [0x51, 0x46, 0x49, 0xFB])
        bytes[7] = version
        bytes[28] = 0x40
        bytes[35] = encryption
        bytes[63] = 5
        return bytes
    }

    @Test func fieldsAreWhereTheFormatSays() {
        let header = ImageHeader(Self.qcow2())
        #expect(header.format == .qcow2(version: 3))
        #expect(header.sizeBytes == 0x4000_0000)
        #expect(!header.isEncrypted && !header.hasBackingFile)
        #expect(header.snapshots == 5)
    }

    @Test func whatIsShortOrAnotherFormatIsSaid() {
        #expect(ImageHeader(Array(Self.qcow2().dropLast())).format == .other)
        #expect(ImageHeader([UInt8](repeating: 0, count: 72)).format == .other)
    }

    @Test func bitmapsAreReadFromQemuImg() throws {
        let json = """
            {"virtual-size": 1, "format-specific": {"type": "qcow2", "data": {"compat": "1.1", "bitmaps": [
              {"flags": ["auto"], "name": "a", "granularity": 65536},
              {"flags": ["in-use", "auto"], "name": "b", "granularity": 65536}]}}}
            """
        let bitmaps = try ImageBitmaps(json: json)
        #expect(bitmaps["a"] == .init(name: "a", isInUse: false, isRecording: true))
        #expect(bitmaps["b"]?.isInUse == true)
        #expect(try ImageBitmaps(json: "{}").bitmaps.isEmpty)
        #expect(throws: HypervisorError.self) { try ImageBitmaps(json: "no") }
    }
}

struct ScratchBudgetTests {
    @Test func theReserveAndTheLimitAreKept() {
        let budget = ScratchBudget(reserveBytes: 100, limitBytes: 50)
        #expect(budget.objection(usedBytes: 50, freeBytes: 100) == nil)
        #expect(budget.objection(usedBytes: 51, freeBytes: 100) != nil)
        #expect(budget.objection(usedBytes: 0, freeBytes: 99) != nil)
        #expect(ScratchBudget(reserveBytes: 1, limitBytes: nil).objection(usedBytes: .max, freeBytes: 1) == nil)
    }
}
