import FoundationEssentials
import Glibc
import Testing

@testable import Replica

/// Disks that an operator gave another shape than ours while the guest ran from the replica: what the guest read is
/// what the base holds afterwards.
@Suite(.enabled(if: GuestImages.missing.isEmpty), .serialized)
struct OverlayChainTests {
    private struct Crash: Error {}

    private func prepared(failpoints: FailpointHook = .none) throws -> ReplicaFixture {
        let fixture = try ReplicaFixture()
        try CrashScenario.prepare(fixture)
        try fixture.replica.markRunning(from: 5)
        try fixture.replica.settle(on: 5)
        try fixture.reopen(failpoints: failpoints)
        return fixture
    }

    /// A qcow2 image that holds what the guest's disk holds now, in itself or with what it rests on.
    private func image(
        _ fixture: ReplicaFixture, of target: String, named name: String,
        upon base: (path: String, format: String)? = nil
    ) throws -> String {
        let disk = try #require(fixture.guest.disks.first { $0.target == target })
        let (image, content) = ("\(fixture.parent)/\(name)", "\(fixture.parent)/content")
        try Data(disk.bytes).write(to: URL(fileURLWithPath: content))
        defer { unlink(content) }
        // Small clusters, so that it holds no more than what differs from what it rests on.
        let fine = ["-O", "qcow2", "-o", "cluster_size=4k"]
        guard let base else {
            try GuestImages.run(["convert", "-f", "raw"] + fine + [content, image])
            return image
        }
        let size = UInt64(disk.bytes.count)
        let format = try #require(AdoptedImage.Format(driver: base.format))
        let held = try GuestImages.bytes(
            AdoptedImage(target: target, path: base.path, format: format, sizeBytes: size))
        try GuestImages.run(
            ["create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", "-b", base.path, "-F", base.format]
                + [image, "\(size)"])
        let top = try ServedBaseImage(
            AdoptedImage(target: target, path: image, format: .qcow2, sizeBytes: size), access: .writing)
        for start in stride(from: 0, to: disk.bytes.count, by: 4_096) {
            let block = disk.bytes[start..<start + 4_096]
            if start + 4_096 <= held.count, held[start..<start + 4_096] == block { continue }
            try Array(block).withUnsafeBytes { try top.write($0, at: UInt64(start)) }
        }
        try top.synchronize()
        try top.close()
        return image
    }

    private func absorb(_ fixture: ReplicaFixture, _ overlays: [String: String]) throws {
        try fixture.replica.absorb(
            overlays: overlays, point: .exact(ReplicaFixture.adoptedPoint(fixture.guest, cycle: 9)),
            guest: ReplicaFixture.configuration(9))
    }

    /// Everything goes on from the point, as if the guest's disks had been ours.
    private func checkAbsorbed(_ fixture: ReplicaFixture, _ overlays: [String: String]) throws {
        try absorb(fixture, overlays)
        fixture.noteCommitted(9)
        try fixture.replica.checkPoints(against: fixture.history)
        fixture.guest.fill(0, blocks: 2..<5, with: 3)
        try fixture.cycle()
        try fixture.reopen()
        try fixture.replica.checkPoints(against: fixture.history)
    }

    /// Cut off with one disk written, it is done again.
    private func absorbTwice(_ fixture: ReplicaFixture, _ overlays: [String: String]) throws {
        #expect(throws: (any Error).self) { try absorb(fixture, overlays) }
        try fixture.reopen()
        #expect(try fixture.replica.describe().isAbsorbing)
        try checkAbsorbed(fixture, overlays)
    }

    private static let cutOff = FailpointHook { if $0 == .absorbDiskWritten { throw Crash() } }

    @Test(arguments: ["qcow2", "raw"])
    func aDiskUponATemplateIsTakenInWhole(format: String) throws {
        let fixture = try prepared(failpoints: Self.cutOff)
        var overlays = try fixture.overlays()
        fixture.guest.add("vdx", blocks: 90)
        let place = fixture.guest.disks.count - 1
        fixture.guest.fill(place, blocks: 4..<60, with: 41)
        var template = try image(fixture, of: "vdx", named: "template")
        if format == "raw" {
            try GuestImages.run(["convert", "-f", "qcow2", "-O", "raw", template, template + ".raw"])
            template += ".raw"
        }
        fixture.guest.fill(place, blocks: 20..<30, with: 42)
        fixture.guest.fill(place, blocks: 40..<50, with: 0)
        overlays["vdx"] = try image(fixture, of: "vdx", named: "vdx", upon: (template, format))
        try absorbTwice(fixture, overlays)
        #expect(access(template, F_OK) == 0)
    }

    @Test func aSnapshotUponAnOverlayIsTakenInWithIt() throws {
        let fixture = try prepared(failpoints: Self.cutOff)
        var overlays = try fixture.overlays()
        let target = fixture.guest.disks[0].target
        let overlay = try #require(overlays[target])
        // As the view left it: a server that is gone.
        try GuestImages.run([
            "rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", "nbd+unix:///\(target)?socket=/nonexistent", overlay,
        ])
        let snapshot = fixture.parent + "/snapshot"
        let size = "\(fixture.guest.disks[0].bytes.count)"
        try GuestImages.run(["create", "-q", "-f", "qcow2", "-u", "-b", overlay, "-F", "qcow2", snapshot, size])
        overlays[target] = snapshot
        try absorbTwice(fixture, overlays)
    }

    @Test func whatTheSnapshotHoldsCounts() throws {
        let fixture = try prepared()
        fixture.guest.fill(0, blocks: 8..<30, with: 51)
        var overlays = try fixture.overlays()
        let target = fixture.guest.disks[0].target
        let overlay = try #require(overlays[target])
        fixture.guest.fill(0, blocks: 16..<24, with: 52)
        fixture.guest.fill(0, blocks: 26..<28, with: 0)
        overlays[target] = try image(fixture, of: target, named: "snapshot", upon: (overlay, "qcow2"))
        try checkAbsorbed(fixture, overlays)
    }

    /// Converted, it rests on nothing; what the base held is not to show through.
    @Test(arguments: [false, true])
    func aDiskThatLeftItsBaseIsTakenInWhole(isAdopted: Bool) throws {
        let fixture: ReplicaFixture
        if isAdopted {
            var guest = GuestModel()
            guest.add("vda", blocks: 90)
            guest.fill(0, blocks: 3..<60, with: 20)
            fixture = try ReplicaFixture(adopting: guest, in: .chainWithBitmaps)
        } else {
            fixture = try prepared()
        }
        fixture.guest.fill(0, blocks: 10..<20, with: 0)
        fixture.guest.fill(0, blocks: 30..<35, with: 61)
        var overlays = try fixture.overlays()
        let target = fixture.guest.disks[0].target
        overlays[target] = try image(fixture, of: target, named: "own.qcow2")
        try checkAbsorbed(fixture, overlays)
    }

    /// Nothing is begun, so that it can be mended and done again.
    @Test func whatCannotBeTakenInChangesNothing() throws {
        let fixture = try prepared()
        let overlays = try fixture.overlays()
        let targets = fixture.guest.disks.map(\.target)
        let base = fixture.directory + "/base/" + targets[1]
        var others = overlays
        others[targets[0]] = try image(fixture, of: targets[0], named: "others", upon: (base, "raw"))
        #expect(code { try absorb(fixture, others) } == .invalidArgument)
        let template = fixture.parent + "/template"
        try GuestImages.run(["create", "-q", "-f", "qcow2", template, "1M"])
        others[targets[0]] = try image(fixture, of: targets[0], named: "torn", upon: (template, "qcow2"))
        unlink(template)
        #expect(code { try absorb(fixture, others) } == .system)
        #expect(try !fixture.replica.describe().isAbsorbing)
        #expect(fixture.replica.points().map(\.cycle) == [5])
    }
}
