package import BlockDevice
package import Logging
import Synchronization

/// The hypervisor of this host through libvirt.
///
/// Captures are in `LibvirtHypervisor+Capture.swift` (guest running), `+OfflineCapture.swift` (guest off) and
/// `+CloseCapture.swift`, what did not end when it was to in `+Owed.swift`, and what an earlier run left in
/// `+Leftovers.swift`; what a guest is like in `+Inventory.swift`.
///
/// libvirt's calls block, so they run on a few threads of their own; work on one guest is done in turns. What guests are
/// owed is seen to on other threads, because a guest that hangs may keep one for ever.
package final class LibvirtHypervisor: HypervisorDriver {
    let settings: LibvirtSettings
    let directory: CaptureDirectory
    let marks: MigrationMarks
    let connector: any BlockReaderConnector
    let logger: Logger
    let turns = GuestTurns()
    let kvm = KVMProbe()
    /// By protection.
    let captures = Mutex<[String: OpenCapture]>([:])
    /// By protection: the run of its guest that was looked through last for bitmaps that no checkpoint owns.
    let looked = Mutex<[String: UInt32]>([:])
    /// By guest: what it is still owed, and who sees to it.
    let owed = Mutex<[String: OwedGuest]>([:])
    /// Ends backup jobs when this process does not.
    let keeper: JobKeeper
    private let threads = BlockingThreads(name: "bascule-virt", threads: HypervisorLimits.libvirtThreads)
    private let owedThreads = BlockingThreads(name: "bascule-owed", threads: HypervisorLimits.owedThreads)
    private let connection = Mutex<LibvirtConnection?>(nil)
    private let broadcaster = ChangeBroadcaster()

    private init(settings: LibvirtSettings, connector: any BlockReaderConnector, logger: Logger) {
        self.settings = settings
        self.connector = connector
        self.logger = logger
        directory = CaptureDirectory(settings.directory)
        keeper = JobKeeper(uri: settings.uri, directory: directory)
        marks = MigrationMarks(directory, logger: logger)
    }

    /// Connects and makes the directory of captures. Ends nothing that is left over: `clearLeftovers` does.
    package static func connect(
        _ settings: LibvirtSettings, connector: any BlockReaderConnector = NBDConnector(),
        logger: Logger = Logger(label: "hypervisor")
    ) async throws -> LibvirtHypervisor {
        let hypervisor = LibvirtHypervisor(settings: settings, connector: connector, logger: logger)
        try await hypervisor.call { connection in
            try hypervisor.directory.prepare(owner: try connection.qemuOwner())
        }
        return hypervisor
    }

    package func changes() -> AsyncStream<GuestChange> { broadcaster.subscribe() }

    package func close() async {
        let open = captures.withLock { captures in
            defer { captures = [:] }
            return Array(captures.values)
        }
        for capture in open {
            capture.watch?.cancel()
            await capture.watch?.value
        }
        // Not waited for, because a guest may hang: what is under way ends with its call.
        for guest in owed.withLock({ Array($0.values) }) { guest.task.cancel() }
        broadcaster.finish()
        keeper.leave()
        let last = connection.withLock { connection in
            defer { connection = nil }
            return connection
        }
        // Released on a thread that may block, because closing talks to the daemon.
        await threads.runUnfailing { _ = last }
    }

    /// Runs `body` on a thread that may block, with a connection that is alive.
    func call<T: Sendable>(_ body: @escaping @Sendable (LibvirtConnection) throws -> T) async throws -> T {
        try await threads.run { [self] in try body(liveConnection()) }
    }

    /// Runs `body`, which may hang with its guest, where it holds up nobody else: on a thread that other guests do not need,
    /// and on a connection of its own, because libvirtd carries out only a few requests of one connection at a time
    /// (`max_client_requests`, 5 by default). The embedded driver has no such bound, and bears only a few connections.
    func callApart<T: Sendable>(_ body: @escaping @Sendable (LibvirtConnection) throws -> T) async throws -> T {
        try await owedThreads.run { [self] in
            guard EmbeddedRoot(uri: settings.uri) == nil else { return try body(liveConnection()) }
            return try body(LibvirtConnection(uri: settings.uri, marks: marks, onChange: nil))
        }
    }

    private func liveConnection() throws -> LibvirtConnection {
        try connection.withLock { connection in
            if let connection, connection.isAlive { return connection }
            try EmbeddedRoot(uri: settings.uri)?.checkFree()
            let fresh = try LibvirtConnection(uri: settings.uri, marks: marks) { [weak self] change in
                self?.heard(change)
            }
            connection = fresh
            return fresh
        }
    }

    /// On the event loop's thread: takes note of what ends a capture, at once, and passes the change on.
    private func heard(_ change: GuestChange) {
        marks.heard(change)
        switch change.kind {
        case .started:
            lose(captureOf: change.guest, because: "The guest was started, so its images change.") { source in
                switch source {
                case .images(let exports, _):
                    for export in exports { export.interrupt() }
                    return true
                case .job: return false
                }
            }
        case .shutDown, .destroyed, .migrated, .crashed:
            lose(captureOf: change.guest, because: "The guest ended, and its backup job with it.") { source in
                switch source {
                case .images: false
                case .job: true
                }
            }
        case .defined, .undefined, .paused, .resumed, .devicesChanged, .guestAgentChanged, .captureLost: break
        }
        broadcaster.send(change)
    }

    private func lose(captureOf guest: String, because reason: String, if concerned: (OpenCapture.Source) -> Bool) {
        let open = captures.withLock { $0.values.filter { $0.guest == guest && $0.loss == nil } }
        for capture in open where concerned(capture.source) {
            lose(capture, HypervisorError(.captureLost, reason))
        }
    }

    /// Marks a capture as lost and tells everybody, once.
    func lose(_ capture: OpenCapture, _ error: HypervisorError) {
        let isNew = captures.withLock { captures in
            guard captures[capture.protection]?.name == capture.name, captures[capture.protection]?.loss == nil
            else { return false }
            captures[capture.protection]?.loss = error
            return true
        }
        guard isNew else { return }
        logger.warning(
            "capture lost", metadata: ["guest": "\(capture.guest)", "name": "\(capture.name)", "error": "\(error)"])
        let reason = error.remedy.isEmpty ? error.message : "\(error.message) \(error.remedy)"
        broadcaster.send(
            GuestChange(
                guest: capture.guest,
                kind: .captureLost(protection: capture.protection, cycle: capture.name.cycle, reason: reason)))
    }

    // MARK: Power and definition

    package func start(guest: String) async throws {
        try await call { try Self.start($0.domain(guest)) }
    }

    package func shutdown(guest: String) async throws {
        try await call { try $0.domain(guest).shutdown() }
    }

    package func destroy(guest: String) async throws {
        try await call { try $0.domain(guest).destroy() }
    }

    package func define(xml: String) async throws -> String {
        try await call { try $0.define(xml).uuid }
    }

    package func undefine(guest: String) async throws {
        try await call { connection in
            let domain = try connection.domain(guest)
            guard try !domain.power().state.hasProcess else {
                throw HypervisorError(
                    .wrongPowerState, "Guest \(domain.name) is running.", remedy: "Shut it down first.")
            }
            try domain.undefine()
        }
    }
}
