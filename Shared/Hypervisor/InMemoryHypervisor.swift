package import BlockDevice
import Synchronization

/// A hypervisor whose guests are byte arrays, so that agents and policies are tested without QEMU.
///
/// It keeps the rules of the real one: the same names, the same order of checkpoints, the same reasons for
/// `needsCompare` and `needsFull`. Captures are read through `connector`, at addresses `memory:<guest>/<cycle>/<disk>`.
package final class InMemoryHypervisor: HypervisorDriver {
    /// What can be made to fail, once or for ever; see `fail(_:with:times:)`.
    package enum Operation: String, Sendable, Hashable, CaseIterable {
        case hostInformation, inventory, openCapture, verifyCapture, closeCapture, releaseGuest, clearLeftovers
        case start, shutdown, destroy, define, undefine
        case startReplicaGuest, removeReplicaGuest, startTracked, resume, stopGuest, setAutostart, setLinks
        case settleOnBase, stripBitmaps, setAside, firmware, setFirmware, written, guestAgentAnswers
    }

    struct Failure {
        let error: HypervisorError
        var timesLeft: Int
    }

    struct State {
        var guests: [String: InMemoryGuest] = [:]
        var failures: [Operation: Failure] = [:]
        var memoryFreeBytes: UInt64 = 8 << 30
        var unixMilliseconds: Int64 = 1_700_000_000_000
        var readFailure: (@Sendable (Range<UInt64>) -> BlockDeviceError?)?
        var calls: [Operation: Int] = [:]
        /// By guest that hangs: captures that wait for it.
        var hanging: [String: [CheckedContinuation<Void, Never>]] = [:]
        /// Whether guests that are started from replicas have a guest agent that answers at once.
        var replicasAnswer = false
        var beforeStop: @Sendable () async -> Void = {}
    }

    package let connector: MemoryBlockReaderConnector
    /// Reads views that `connector` does not know.
    let views: any BlockReaderConnector
    private let name: String
    let state = Mutex(State())
    let broadcaster = ChangeBroadcaster()

    /// - Parameter views: reads the views that guests are started from, unless `connector` has them.
    package init(
        name: String = "memory", connector: MemoryBlockReaderConnector = MemoryBlockReaderConnector(),
        views: any BlockReaderConnector = NBDConnector()
    ) {
        self.name = name
        self.connector = connector
        self.views = views
    }

    // MARK: What tests do to it

    /// Adds a guest that is running, with empty qcow2 disks, and answers its UUID.
    @discardableResult
    package func addGuest(
        name: String, uuid: String, disks: [(target: String, sizeBytes: UInt64)], memoryBytes: UInt64 = 256 << 20,
        hasGuestAgent: Bool = true, format: String = "qcow2"
    ) -> String {
        let guest = InMemoryGuest(
            uuid: uuid, name: name, memoryBytes: memoryBytes, hasGuestAgent: hasGuestAgent,
            disks: disks.map { .init(target: $0.target, format: format, sizeBytes: $0.sizeBytes) })
        state.withLock { $0.guests[uuid] = guest }
        broadcaster.send(GuestChange(guest: uuid, kind: .defined))
        return uuid
    }

    /// Writes as the guest would.
    package func write(_ bytes: [UInt8], to guest: String, _ target: String, at offset: UInt64) {
        withGuest(guest) { $0.write(bytes, to: target, at: offset) }
    }

    /// Trims as the guest would.
    package func discard(_ range: Range<UInt64>, of guest: String, _ target: String) {
        withGuest(guest) { $0.discard(range, of: target) }
    }

    /// What a disk holds now.
    package func contents(of guest: String, _ target: String) -> SparseBytes {
        withGuest(guest) { $0.disk(target).bytes }
    }

    package func setGuestAgent(_ answers: Bool, of guest: String) {
        withGuest(guest) { $0.hasGuestAgent = answers }
        broadcaster.send(GuestChange(guest: guest, kind: .guestAgentChanged))
    }

    /// QEMU dies: bitmaps are inconsistent, captures are gone.
    package func crash(guest: String) {
        withGuest(guest) { $0.crash() }
        withdrawExports(of: guest)
        broadcaster.send(GuestChange(guest: guest, kind: .destroyed))
    }

    package func resize(_ target: String, of guest: String, to sizeBytes: UInt64) {
        withGuest(guest) { $0.resize(target, to: sizeBytes) }
        broadcaster.send(GuestChange(guest: guest, kind: .devicesChanged))
    }

    package func addDisk(_ target: String, sizeBytes: UInt64, to guest: String, format: String = "qcow2") {
        withGuest(guest) { $0.disks.append(.init(target: target, format: format, sizeBytes: sizeBytes)) }
        broadcaster.send(GuestChange(guest: guest, kind: .devicesChanged))
    }

    /// Says that a disk is in a file, for who works on the images of a guest that is off. Neither follows the other.
    package func place(_ target: String, of guest: String, at path: String) {
        withGuest(guest) { guest in
            for index in guest.disks.indices where guest.disks[index].target == target {
                guest.disks[index].path = path
            }
        }
    }

    package func removeDisk(_ target: String, from guest: String) {
        withGuest(guest) { $0.disks.removeAll { $0.target == target } }
        broadcaster.send(GuestChange(guest: guest, kind: .devicesChanged))
    }

    /// Makes the next `times` calls of `operation` throw `error`, before they do anything.
    package func fail(_ operation: Operation, with error: HypervisorError, times: Int = 1) {
        state.withLock { $0.failures[operation] = Failure(error: error, timesLeft: times) }
    }

    /// Captures of this guest neither open nor close until it is let go.
    package func hang(_ guest: String) { state.withLock { $0.hanging[guest] = [] } }

    package func letGo(_ guest: String) {
        for waiting in state.withLock({ $0.hanging.removeValue(forKey: guest) ?? [] }) { waiting.resume() }
    }

    /// Asked before each chunk that is read from captures opened from now on; nil reads well.
    package func failReads(_ failure: (@Sendable (Range<UInt64>) -> BlockDeviceError?)?) {
        state.withLock { $0.readFailure = failure }
    }

    /// Ends the open capture of a guest as a full scratch space would.
    package func loseCapture(of guest: String, reason: String) {
        let lost = withGuest(guest) { guest in
            guest.capture?.isLost = true
            return guest.capture
        }
        guard let lost else { return }
        withdrawExports(of: guest)
        broadcaster.send(
            GuestChange(
                guest: guest,
                kind: .captureLost(protection: lost.protection, cycle: lost.description.cycle, reason: reason)))
    }

    package func setMemoryFree(_ bytes: UInt64) { state.withLock { $0.memoryFreeBytes = bytes } }

    /// Names of the checkpoints that a guest has, sorted.
    package func checkpoints(of guest: String) -> [String] {
        withGuest(guest) { $0.checkpoints.keys.map(\.description).sorted() }
    }

    package func hasOpenCapture(_ guest: String) -> Bool { withGuest(guest) { $0.capture != nil } }

    package func isFrozen(_ guest: String) -> Bool { withGuest(guest) { $0.isFrozen } }

    /// How often `operation` was called.
    package func calls(of operation: Operation) -> Int { state.withLock { $0.calls[operation] ?? 0 } }

    // MARK: HypervisorDriver

    package func hostInformation() async throws -> HostInformation {
        try enter(.hostInformation)
        return HostInformation(
            name: name, hypervisorURI: "memory:", version: "memory", memoryBytes: 16 << 30,
            memoryFreeBytes: state.withLock { $0.memoryFreeBytes })
    }

    package func checkPrerequisites() async -> [Prerequisite] {
        [Prerequisite(name: "hypervisor", isMet: true, detail: "guests in memory")]
    }

    package func inventory() async throws -> [GuestDescription] {
        try enter(.inventory)
        return state.withLock { $0.guests.values.map(\.description) }.sorted { $0.name < $1.name }
    }

    package func describe(guest: String) async throws -> GuestDescription {
        try existing(guest) { $0.description }
    }

    package func changes() -> AsyncStream<GuestChange> { broadcaster.subscribe() }

    package func openCapture(_ request: CaptureRequest) async throws -> CaptureDescription {
        try enter(.openCapture)
        await passHang(of: request.guest)
        let now = state.withLock { state in
            state.unixMilliseconds += 1_000
            return state.unixMilliseconds
        }
        let stale = try existing(request.guest) { guest in
            guest.capture.map { $0.description.cycle != request.cycle || $0.protection != request.protection } ?? false
        }
        if stale { withdrawExports(of: request.guest) }
        let opened = try existing(request.guest) { try $0.openCapture(request, unixMilliseconds: now) }
        let readFailure = state.withLock { $0.readFailure }
        for export in opened.exports {
            connector.export(
                export.bytes, dirtyBlocks: export.dirtyBlocks, at: export.uri, failure: readFailure ?? { _ in nil })
        }
        return opened.description
    }

    package func verifyCapture(protection: String, cycle: UInt64) async throws {
        try enter(.verifyCapture)
        let capture = state.withLock { state in
            state.guests.values.compactMap(\.capture).first {
                $0.protection == protection && $0.description.cycle == cycle
            }
        }
        guard let capture else {
            throw HypervisorError(.captureNotFound, "No capture of cycle \(cycle) is open.")
        }
        if capture.isLost {
            throw HypervisorError(.captureLost, "The capture of cycle \(cycle) was lost.")
        }
    }

    package func closeCapture(
        protection: String, guest: String, cycle: UInt64, keepCheckpointOfCycle: UInt64
    ) async throws {
        try enter(.closeCapture)
        await passHang(of: guest)
        try existing(guest) { $0.closeCapture(protection: protection, keepCheckpointOfCycle: keepCheckpointOfCycle) }
        withdrawExports(of: guest)
    }

    package func releaseGuest(protection: String, guest: String) async throws {
        try enter(.releaseGuest)
        guard state.withLock({ $0.guests[guest] != nil }) else { return }
        withGuest(guest) { $0.release(protection: protection) }
        withdrawExports(of: guest)
    }

    package func clearLeftovers(protections: Set<String>?) async throws -> [String] {
        try enter(.clearLeftovers)
        let cleared = state.withLock { state in
            var cleared: [String] = []
            for uuid in state.guests.keys.sorted() {
                cleared += state.guests[uuid]!.clearLeftovers(protections: protections)
            }
            return cleared
        }
        for uri in connector.exportedURIs { connector.withdraw(uri) }
        return cleared
    }

    package func close() async { broadcaster.finish() }

    // MARK: Pieces

    func enter(_ operation: Operation) throws {
        try state.withLock { state in
            state.calls[operation, default: 0] += 1
            guard var failure = state.failures[operation] else { return }
            failure.timesLeft -= 1
            state.failures[operation] = failure.timesLeft > 0 ? failure : nil
            throw failure.error
        }
    }

    private func passHang(of guest: String) async {
        await withCheckedContinuation { waiting in
            let hangs = state.withLock { state in
                state.hanging[guest]?.append(waiting)
                return state.hanging[guest] != nil
            }
            if !hangs { waiting.resume() }
        }
    }

    func existing<T>(_ guest: String, _ body: (inout InMemoryGuest) throws -> T) throws -> T {
        try state.withLock { state in
            guard state.guests[guest] != nil else {
                throw HypervisorError(.guestNotFound, "There is no guest \(guest) on this host.")
            }
            return try body(&state.guests[guest]!)
        }
    }

    /// For tests, which know their guests.
    @discardableResult
    func withGuest<T>(_ guest: String, _ body: (inout InMemoryGuest) -> T) -> T {
        state.withLock { state in
            precondition(state.guests[guest] != nil, "tests name guests that exist")
            return body(&state.guests[guest]!)
        }
    }

    func withdrawExports(of guest: String) {
        for uri in connector.exportedURIs where uri.hasPrefix("memory:\(guest)/") { connector.withdraw(uri) }
    }
}
