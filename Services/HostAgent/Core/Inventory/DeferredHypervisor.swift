package import Hypervisor
import Synchronization

/// A hypervisor that is connected to when it is first needed, and tried again as long as it cannot be reached: replicas
/// are received on a host whose libvirt is not up, and captures begin when it is.
package final class DeferredHypervisor: HypervisorDriver {
    private let connect: @Sendable () async throws -> any HypervisorDriver
    private let connected = Mutex<(any HypervisorDriver)?>(nil)
    /// Connecting takes seconds; those who need it meanwhile wait for the same attempt.
    private let turn = KeyedLock()

    package init(connect: @escaping @Sendable () async throws -> any HypervisorDriver) { self.connect = connect }

    package func hostInformation() async throws -> HostInformation { try await driver().hostInformation() }
    package func inventory() async throws -> [GuestDescription] { try await driver().inventory() }

    package func checkPrerequisites() async -> [Prerequisite] {
        do {
            return await (try driver()).checkPrerequisites()
        } catch {
            return [
                Prerequisite(
                    name: "hypervisor", isMet: false, detail: "\(error)",
                    remedy: "Start libvirtd, or correct the setting `hypervisor`.")
            ]
        }
    }

    package func describe(guest: String) async throws -> GuestDescription { try await driver().describe(guest: guest) }

    /// Ends at once while nothing is connected; whoever follows changes connects first.
    package func changes() -> AsyncStream<GuestChange> {
        connected.withLock { $0 }?.changes() ?? AsyncStream { $0.finish() }
    }

    package func openCapture(_ request: CaptureRequest) async throws -> CaptureDescription {
        try await driver().openCapture(request)
    }

    package func verifyCapture(protection: String, cycle: UInt64) async throws {
        try await driver().verifyCapture(protection: protection, cycle: cycle)
    }

    package func closeCapture(
        protection: String, guest: String, cycle: UInt64, keepCheckpointOfCycle: UInt64
    ) async throws {
        try await driver().closeCapture(
            protection: protection, guest: guest, cycle: cycle, keepCheckpointOfCycle: keepCheckpointOfCycle)
    }

    package func releaseGuest(protection: String, guest: String) async throws {
        try await driver().releaseGuest(protection: protection, guest: guest)
    }

    package func clearLeftovers(protections: Set<String>?) async throws -> [String] {
        try await driver().clearLeftovers(protections: protections)
    }

    package func start(guest: String) async throws { try await driver().start(guest: guest) }
    package func shutdown(guest: String) async throws { try await driver().shutdown(guest: guest) }
    package func destroy(guest: String) async throws { try await driver().destroy(guest: guest) }
    package func define(xml: String) async throws -> String { try await driver().define(xml: xml) }
    package func undefine(guest: String) async throws { try await driver().undefine(guest: guest) }

    package func startReplicaGuest(_ request: ReplicaGuestRequest) async throws -> ReplicaGuest {
        try await driver().startReplicaGuest(request)
    }

    package func replicaGuestMayHaveRun(in directory: String) async throws -> Bool {
        try await driver().replicaGuestMayHaveRun(in: directory)
    }

    package func removeReplicaGuest(uuid: String, directory: String) async throws {
        try await driver().removeReplicaGuest(uuid: uuid, directory: directory)
    }

    package func startTracked(
        guest: String, protection: String, cycle: UInt64, mayHaveRun: Bool,
        beforeItRuns: @escaping @Sendable () throws -> Void
    ) async throws -> ReplicaGuest {
        try await driver().startTracked(
            guest: guest, protection: protection, cycle: cycle, mayHaveRun: mayHaveRun,
            beforeItRuns: beforeItRuns)
    }

    package func stopGuest(
        _ guest: String, shutdownLimit: Duration, destroysAfterLimit: Bool
    ) async throws -> StoppedGuest {
        try await driver().stopGuest(guest, shutdownLimit: shutdownLimit, destroysAfterLimit: destroysAfterLimit)
    }

    @discardableResult
    package func setAutostart(_ guest: String, _ isOn: Bool) async throws -> Bool {
        try await driver().setAutostart(guest, isOn)
    }

    package func setLinks(of guest: String, up: Bool) async throws {
        try await driver().setLinks(of: guest, up: up)
    }

    package func guestAgentAnswers(_ guest: String) async throws -> Bool {
        try await driver().guestAgentAnswers(guest)
    }

    package func settleOnBase(guest: String, directory: String, images: [String: BaseImageFile]) async throws {
        try await driver().settleOnBase(guest: guest, directory: directory, images: images)
    }

    package func setAside(guest: String, for directory: String) async throws {
        try await driver().setAside(guest: guest, for: directory)
    }

    package func firmware(of guest: String) async throws -> [UInt8] {
        try await driver().firmware(of: guest)
    }

    package func setFirmware(_ bytes: [UInt8], of guest: String) async throws {
        try await driver().setFirmware(bytes, of: guest)
    }

    package func written(
        by guest: String, of protection: String, since cycle: UInt64
    ) async throws -> [String: [Range<UInt64>]] {
        try await driver().written(by: guest, of: protection, since: cycle)
    }

    package func stripBitmaps(protection: String, guest: String, images: [String]) async throws {
        try await driver().stripBitmaps(protection: protection, guest: guest, images: images)
    }

    package func close() async { await connected.withLock { $0 }?.close() }

    private func driver() async throws -> any HypervisorDriver {
        if let driver = connected.withLock({ $0 }) { return driver }
        return try await turn.withLock("connection") {
            if let driver = connected.withLock({ $0 }) { return driver }
            let driver = try await connect()
            connected.withLock { $0 = driver }
            return driver
        }
    }
}
