import FoundationEssentials
import Hypervisor
import Testing

/// The plugin that serves views, where `swift build` puts it: beside the tests.
enum ViewPluginForTests {
    static let path =
        URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appendingPathComponent("libbascule-view-plugin.so").path

    static let isThere =
        FileManager.default.fileExists(atPath: path) && Program.isInstalled("nbdkit")
        && Program.isInstalled("nbdcopy") && Program.isInstalled("qemu-nbd")

    static let reason: Comment = "nbdkit, nbdcopy, qemu-nbd or libbascule-view-plugin.so is missing"
}
