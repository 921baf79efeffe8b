import Foundation

/// What `Scripts/run-compose-demo` measured in containers, as figures of the report.
struct ComposeFigures: Codable {
    /// `debug` or `release`, as the executables in the images were built.
    var configuration: String
    var upToHealthyMilliseconds: Double
    var upToFirstPointMilliseconds: Double
    var downMilliseconds: Double
    /// By target of the recipe; each with the layers that it shares with others.
    var imageBytes: [String: Double]

    static let path = ".build/compose.json"

    /// Nil when the demo was not played to its end since the last build.
    static func read() throws -> ComposeFigures? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        return try JSONDecoder().decode(ComposeFigures.self, from: data)
    }

    var figures: [Figure] {
        let build = "executables of a \(configuration) build; no aim is given, this one is ours"
        return [
            Figure(
                "compose_up_to_healthy_s", unit: "s", ours: [upToHealthyMilliseconds / 1_000], atMost: 30, of: .median,
                note: build),
            Figure(
                "compose_first_point_s", unit: "s", ours: [upToFirstPointMilliseconds / 1_000], atMost: 60, of: .median,
                note:
                    "from up to the first committed point of a guest with a disk of 32 MiB, which is defined and boots meanwhile, "
                    + "and is protected as soon as its host has told of it; \(build)"),
            Figure(
                "compose_down_s", unit: "s", ours: [downMilliseconds / 1_000], atMost: 30, of: .median,
                note: "every container of both sites stopped and removed; \(build)"),
            imageFigure("compose_service_image_mb", atMost: 250, of: build) { !Self.hosts.contains($0) },
            imageFigure("compose_host_image_mb", atMost: 500, of: build) { Self.hosts.contains($0) },
        ]
    }

    /// Those with libvirt and QEMU in them.
    private static let hosts: Set<String> = ["agent", "demo"]

    private func imageFigure(_ name: String, atMost: Double, of build: String, _ isMeant: (String) -> Bool) -> Figure {
        let images = imageBytes.filter { isMeant($0.key) }.sorted { $0.key < $1.key }
        let sizes = images.map { "\($0.key) \(Int($0.value / 1_000_000))" }.joined(separator: ", ")
        return Figure(
            name, unit: "MB", ours: images.map { $0.value / 1_000_000 }, atMost: atMost, of: .maximum,
            note: "\(sizes); layers that images share count in each; \(build)")
    }
}
