import Testing

@testable import Hypervisor

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
