import Foundation
import TestGuest

/// What an image brings of the demo's guests: kernel and first program, their definitions, and the scripts of the witness.
/// Their disks are made where they are to run.
enum DemoGuestFolder {
    /// - Throws: `OperatorError` or `TestGuestError`.
    static func make(at folder: String) throws {
        if let missing = GuestImage.missing {
            throw OperatorError(.refused, missing, remedy: "Scripts/install-prerequisites compose brings all of it")
        }
        let files = FileManager.default
        if files.fileExists(atPath: folder) { try files.removeItem(atPath: folder) }
        try files.createDirectory(atPath: "\(folder)/witness", withIntermediateDirectories: true)
        let image = try GuestImage(in: folder)
        try files.copyItem(
            atPath: URL(fileURLWithPath: image.kernel).resolvingSymlinksInPath().path, toPath: "\(folder)/kernel")
        try files.removeItem(atPath: "\(folder)/init.c")
        let plan = InstalledGround.storyPlan
        try InstalledGround.definition.write(toFile: "\(folder)/domain.xml", atomically: true, encoding: .utf8)
        let disks = plan.diskTargets.map { "\($0) \(plan.diskMiB)M\n" }.joined()
        try disks.write(toFile: "\(folder)/disks", atomically: true, encoding: .utf8)
        let neighbour = "\(folder)/\(NeighbourGuest.name)"
        try files.createDirectory(atPath: neighbour, withIntermediateDirectories: true)
        try NeighbourGuest.definition.write(toFile: "\(neighbour)/domain.xml", atomically: true, encoding: .utf8)
        try NeighbourGuest.disks.write(toFile: "\(neighbour)/disks", atomically: true, encoding: .utf8)
        let witness = "\(InstalledGround.guestFolder)/witness"
        try DemoStage.install(WitnessScripts.hash, at: "\(folder)/witness/hash")
        try DemoStage.install(WitnessScripts.hook(folder: witness), at: "\(folder)/witness/hook")
    }
}
