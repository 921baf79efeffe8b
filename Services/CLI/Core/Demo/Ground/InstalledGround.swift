import Foundation
import TestGuest

/// Two sites that somebody else started, one service a container, as `Compose/compose.yaml` has them. It runs in the
/// container `demo`, which sees the guest's folder of site A and the state of host B at the paths that those have.
struct InstalledGround: DemoGround {
    /// The guest's folder, at site A and here.
    static let guestFolder = "/var/lib/guests/demo"
    /// The state of host B, there and here.
    static let secondaryState = "/var/lib/bascule"
    /// What the parts of the story tell each other.
    static let story = "/var/lib/demo/story.json"

    /// Always the same, because the definition is part of an image and the guest outlives it.
    private static let identifier = UUID(uuid: (0xBA, 0x5C, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1))

    let plan: DemoPlan
    private let guest: TestGuest

    /// Larger disks than those of the story on one machine, so that workers can come in the middle of the seeding.
    static var storyPlan: DemoPlan {
        var plan = DemoPlan()
        plan.workers = 1
        plan.diskMiB = 512
        plan.filledMiB = 448
        // Eight more containers share the machine's cores, and QEMU is emulated.
        plan.stepLimit = .seconds(180)
        return plan
    }

    init() {
        plan = Self.storyPlan
        guest = Self.guest(plan)
    }

    /// The guest, as its definition has it in its folder.
    static func guest(_ plan: DemoPlan) -> TestGuest {
        let disk = TestGuest.Disk(sizeBytes: UInt64(plan.diskMiB) << 20)
        let image = GuestImage(
            kernel: "\(guestFolder)/kernel", initramfs: "\(guestFolder)/initramfs.cpio", hasGuestAgent: true)
        return TestGuest(
            name: "demo", uuid: identifier, folder: guestFolder, image: image,
            disks: plan.diskTargets.map { _ in disk },
            recordsPerSecond: 0)
    }

    /// The guest's definition, part of the image.
    static var definition: String { guest(storyPlan).definition() }

    var guestName: String { guest.name }
    var home: GuestPorts { guest.ports }
    var layout: RecordLayout { guest.layout }
    var witness: String { "\(Self.guestFolder)/witness" }
    var names: DemoNames {
        DemoNames(primaryCloud: "cloud-a", secondaryCloud: "cloud-b", secondaryHost: "host-b")
    }
    var logs: String { "what the containers logged (docker logs)" }
    var endpoints: [OperatorSettings.Key: String] { [:] }

    func replica(of protection: String, purpose: String) -> GuestPorts {
        guest.ports(ofReplicaIn: folder(protection, purpose))
    }

    /// Processes at host B cannot be seen from here, and do not outlive the folder that they serve.
    func traces(ofReplicaOf protection: String, purpose: String) throws -> [String] {
        let folder = folder(protection, purpose)
        return FileManager.default.fileExists(atPath: folder) ? ["left behind: \(folder)"] : []
    }

    /// Whoever started the containers watches them.
    func checkRunning(except lost: String?) async throws {}

    /// Whoever plays the disaster has killed the containers before.
    func losePrimary() async throws {}

    private func folder(_ protection: String, _ purpose: String) -> String {
        "\(Self.secondaryState)/replicas/\(protection)/\(purpose)"
    }
}
