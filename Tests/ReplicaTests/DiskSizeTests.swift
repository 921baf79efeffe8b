import DeltaLog
import FoundationEssentials
import Glibc
import Repeatable
import Testing

@testable import Replica

/// Disks that grow and shrink, by any number of sectors, upon every kind of base; compared with what they held. A seed
/// that fails is its own reproduction.
@Suite(.enabled(if: GuestImages.missing.isEmpty), .serialized)
struct DiskSizeTests {
    private struct Life {
        static let largestSectors = 2_400

        let fixture: ReplicaFixture
        var random: SeededRandom
        /// What disks held when a snapshot was made inside their images, as it is kept of what diverged.
        var kept: [UInt8] = []

        init(seed: UInt64) throws {
            random = SeededRandom(seed: seed)
            var guest = GuestModel()
            guest.add("vda", blocks: 1)
            guest.resize(0, bytes: Self.size(using: &random))
            guest.write(12, using: &random)
            let styles = GuestImages.Style.allCases
            let choice = Int(seed) % (styles.count + 1)
            if choice < styles.count {
                fixture = try ReplicaFixture(adopting: guest, in: styles[choice])
                kept = guest.disks[0].bytes
                let image = try #require(try image)
                if image.format == .qcow2 { try GuestImages.run(["snapshot", "-c", "kept", image.path]) }
                // Ours, too.
                try fixture.replica.noteWritten(image)
            } else {
                fixture = try ReplicaFixture()
                fixture.guest = guest
                try fixture.cycle()
            }
        }

        var image: AdoptedImage? { get throws { try fixture.replica.describe().adopted.first } }

        var base: AdoptedImage {
            get throws {
                try image
                    ?? AdoptedImage(
                        target: "vda", path: fixture.directory + "/base/vda", format: .raw,
                        sizeBytes: UInt64(fixture.guest.disks[0].bytes.count))
            }
        }

        static func size(using random: inout SeededRandom) -> Int {
            // Often whole clusters, because ends of clusters are where it is decided.
            let sectors = Int.random(in: 1...largestSectors, using: &random)
            return 512 * (Bool.random(using: &random) ? sectors : max(128, sectors / 128 * 128))
        }

        mutating func cycle() throws {
            let before = fixture.guest.disks[0].bytes.count
            if Int.random(in: 0..<3, using: &random) == 0 { fixture.guest.resize(0, bytes: Self.size(using: &random)) }
            fixture.guest.write(Int.random(in: 0...3, using: &random), using: &random)
            let mayTrack = fixture.guest.disks[0].bytes.count == before
            let kinds: [CycleKind] = mayTrack ? [.incremental, .compare, .full] : [.compare, .full]
            try fixture.cycle(kind: kinds.randomElement(using: &random))
        }

        /// The guest runs upon the base, which holds the newest point alone, and what it wrote is taken in afterwards.
        mutating func run() throws {
            let newest = fixture.newest
            try fixture.replica.settle(on: newest)
            try checkBase()
            try fixture.replica.markRunning(from: newest)
            var overlay = try overlay("overlay-\(newest)", upon: base)
            try change(overlay)
            if Bool.random(using: &random) {
                overlay = try self.overlay("snapshot-\(newest)", upon: overlay)
                try change(overlay)
            }
            fixture.guest.replace(0, with: try GuestImages.bytes(overlay))
            try fixture.replica.absorb(
                overlays: ["vda": overlay.path],
                point: .exact(ReplicaFixture.adoptedPoint(fixture.guest, cycle: newest + 1)),
                guest: ReplicaFixture.configuration(newest + 1))
            fixture.forgetPoints()
            fixture.noteCommitted(newest + 1)
            try checkBase()
        }

        private func overlay(_ name: String, upon beneath: AdoptedImage) throws -> AdoptedImage {
            let path = "\(fixture.parent)/\(name).qcow2"
            try GuestImages.run(["create", "-f", "qcow2", "-b", beneath.path, "-F", beneath.format.driver, path])
            return AdoptedImage(target: "vda", path: path, format: .qcow2, sizeBytes: beneath.sizeBytes)
        }

        /// As the guest and its operator do.
        private mutating func change(_ overlay: AdoptedImage) throws {
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let sectors = Int(try QEMUImage.topSizeBytes(overlay)) / 512
                guard Bool.random(using: &random) else {
                    let size = Self.size(using: &random)
                    let shrinks = size < 512 * sectors ? ["--shrink"] : []
                    try GuestImages.run(["resize"] + shrinks + [overlay.path, "\(size)"])
                    continue
                }
                let start = Int.random(in: 0..<sectors, using: &random)
                let end = Int.random(in: start + 1...sectors, using: &random)
                let value = UInt8.random(in: 1...255, using: &random)
                let write = "write -P \(value) \(512 * start) \(512 * (end - start))"
                _ = try NbdkitTools.run(["qemu-io", "-f", "qcow2", "-c", write, overlay.path])
            }
        }

        func checkBase() throws {
            let isEqual = try GuestImages.bytes(base) == fixture.guest.disks[0].bytes
            #expect(isEqual, "the base is not what the disk held at \(fixture.newest)")
        }

        /// Read as the manual page says.
        func checkKept() throws {
            guard let image = try image, image.format == .qcow2 else { return }
            let copy = image.path + ".copy"
            defer { unlink(copy) }
            try FileManager.default.copyItem(atPath: image.path, toPath: copy)
            // QEMU goes back to no snapshot where a bitmap records.
            if try GuestImages.run(["info", copy]).contains("recording") {
                for name in ["recording", "resting"] { try GuestImages.run(["bitmap", "--remove", copy, name]) }
            }
            try GuestImages.run(["snapshot", "-a", "kept", copy])
            var whole = image
            whole.path = copy
            let isWhole = try GuestImages.bytes(whole) == kept
            #expect(isWhole, "a snapshot that was kept is not what the disk held")
        }
    }

    /// A fold cut the disk within a cluster, whose rest QEMU keeps and shows again.
    @Test(arguments: [GuestImages.Style.compressed, .smallClustersWithSnapshot])
    func whatGrowsWhileItsGuestRunsShowsNothingFromBeyondAnEarlierEnd(style: GuestImages.Style) throws {
        var guest = GuestModel()
        guest.add("vda", blocks: 100)
        guest.fill(0, blocks: 0..<100, with: 7)
        let fixture = try ReplicaFixture(adopting: guest, in: style)
        fixture.guest.resize(0, bytes: 50 * 4_096 + 512)
        try fixture.cycle(kind: .compare)
        try fixture.replica.settle(on: 8)
        let image = try #require(try fixture.replica.describe().adopted.first)
        let overlay = fixture.parent + "/overlay.qcow2"
        try GuestImages.run(["create", "-f", "qcow2", "-b", image.path, "-F", "qcow2", overlay])
        fixture.guest.resize(0, blocks: 100)
        try GuestImages.run(["resize", overlay, "\(100 * 4_096)"])
        try fixture.replica.absorb(
            overlays: ["vda": overlay], point: .exact(ReplicaFixture.adoptedPoint(fixture.guest, cycle: 9)),
            guest: ReplicaFixture.configuration(9))
        fixture.noteCommitted(9)
        try fixture.replica.checkPoints(against: fixture.history)
        try fixture.checkImages(against: fixture.history[9])
    }

    /// Somebody else cut it. What is compared is zero there.
    @Test func whatIsComparedWithACutImageIsWhatAFoldMakesOfIt() throws {
        var guest = GuestModel()
        guest.add("vda", blocks: 100)
        guest.fill(0, blocks: 0..<100, with: 7)
        let fixture = try ReplicaFixture(adopting: guest, in: .compressed)
        let image = try #require(try fixture.replica.describe().adopted.first)
        try GuestImages.run(["resize", "--shrink", image.path, "\(50 * 4_096 + 512)"])
        fixture.guest.resize(0, bytes: 50 * 4_096 + 512)
        fixture.guest.resize(0, blocks: 100)
        fixture.forgetPoints()
        try fixture.cycle(kind: .compare)
        try fixture.checkPoints()
        try fixture.replica.settle(on: 8)
        try fixture.checkPoints()
        try fixture.checkImages(against: fixture.history[8])
    }

    @Test(arguments: 0..<5 as Range<UInt64>)
    func everyPointIsWhatTheDiskHeldInItsSizeOfThen(seed: UInt64) throws {
        var life = try Life(seed: seed)
        for _ in 0..<2 {
            for _ in 0..<Int.random(in: 1...4, using: &life.random) {
                try life.cycle()
                switch Int.random(in: 0..<6, using: &life.random) {
                case 0: try life.fixture.reopen()
                case 1:
                    let point = try #require(life.fixture.replica.points().randomElement(using: &life.random))
                    try life.fixture.replica.fold(upTo: point.cycle)
                default: break
                }
            }
            try life.fixture.checkPoints()
            try life.run()
            try life.fixture.checkPoints()
            try life.checkKept()
        }
        #expect(try life.fixture.replica.scrub().faultCount == 0)
    }
}
