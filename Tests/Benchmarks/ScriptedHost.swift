import Foundation
import LocalSites
import MessageBus
import Messages
import Synchronization

/// A host without a hypervisor that answers at once: what is then measured is the services that ask it.
final class ScriptedHost: Sendable {
    let id = UUID().uuidString.lowercased()
    let name: String
    let endpoint: String
    private let guests: [String]
    private let changed: Changed
    private let sequence = Mutex<UInt64>(0)

    /// Regions of 256 MiB on each disk, and how many bytes changed in each.
    final class Changed: Sendable {
        let regions: Mutex<[UInt64]>
        init(_ regions: [UInt64]) { self.regions = Mutex(regions) }
    }

    static let regionBytes: UInt64 = 256 << 20
    static let disks = 2

    static func start(_ name: String, guests: [String], changed: Changed, on bus: MessageBus) async throws
        -> ScriptedHost
    {
        let server = try await bus.serve(at: "tcp://127.0.0.1:*") { request in
            guard case .agentRequest(let body) = request.body, let asked = body.request else {
                throw RemoteError(.unimplemented, "A scripted host answers what policy asks of an agent.")
            }
            var reply = AgentReply()
            reply.reply = try Self.answer(asked, changed)
            return .agentReply(reply)
        }
        return ScriptedHost(name: name, endpoint: server.endpoint, guests: guests, changed: changed)
    }

    private init(name: String, endpoint: String, guests: [String], changed: Changed) {
        self.name = name
        self.endpoint = endpoint
        self.guests = guests
        self.changed = changed
    }

    static func uuid(of guest: String) -> String {
        let digits = guest.utf8.reduce(UInt64(7)) { $0 &* 31 &+ UInt64($1) }
        return String(format: "00000000-0000-4000-8000-%012llx", digits & 0xFFFF_FFFF_FFFF)
    }

    func register(at vault: RequestClient) async throws {
        var request = RegisterHost()
        request.host.id = id
        request.host.name = name
        request.host.cloud = "\(name)-cloud"
        request.host.controlEndpoint = endpoint
        request.site = name
        request.createMissing = true
        _ = try await vault.vault(.registerHost(request))
        try await report(to: vault)
    }

    func report(to vault: RequestClient) async throws {
        var request = ReportInventory()
        request.hostID = id
        request.sequence = sequence.withLock { number in
            number += 1
            return number
        }
        request.capacity.memoryBytes = 1 << 40
        request.capacity.memoryFreeBytes = 1 << 40
        request.capacity.replicaBytes = 1 << 50
        request.capacity.replicaFreeBytes = 1 << 50
        request.guests = guests.map { name in
            var guest = Guest()
            guest.uuid = Self.uuid(of: name)
            guest.name = name
            guest.power = .running
            guest.memoryBytes = 1 << 30
            guest.virtualCpus = 1
            guest.disks = (0..<Self.disks).map { Self.disk($0, regions: 1_024) }
            guest.definitionDigest = Data(repeating: 1, count: 32)
            return guest
        }
        _ = try await vault.vault(.reportInventory(request))
    }

    private static func disk(_ index: Int, regions: Int) -> Disk {
        var disk = Disk()
        disk.target = index == 0 ? "vda" : "vdb"
        disk.sizeBytes = UInt64(regions) * regionBytes
        disk.format = "qcow2"
        disk.source = "/nowhere-\(index).qcow2"
        return disk
    }

    private static func answer(_ asked: AgentRequest.OneOf_Request, _ changed: Changed) throws
        -> AgentReply.OneOf_Reply
    {
        switch asked {
        case .openCapture(let open):
            let regions = changed.regions.withLock { $0 }
            var opened = CaptureOpened()
            opened.cycle = open.cycle
            opened.capturedUnixMs = Int64(Date().timeIntervalSince1970 * 1_000)
            opened.consistency = .crash
            opened.definition = "<domain/>"
            opened.disks = (0..<disks).map { index in
                var disk = CapturedDisk()
                disk.disk = Self.disk(index, regions: 1_024)
                disk.nbdUri = "nbd+unix:///vda?socket=/nowhere"
                disk.bitmapContext = open.kind == .incremental ? "qemu:dirty-bitmap:x" : ""
                disk.regionBytes = regionBytes
                disk.changed = regions
                return disk
            }
            return .captureOpened(opened)
        case .openCycle:
            var opened = CycleOpened()
            opened.bulkEndpoint = "tcp://127.0.0.1:1"
            opened.transferToken = Data(repeating: 1, count: 16)
            opened.cycleKey = Data(repeating: 2, count: 32)
            opened.logFreeBytes = 1 << 50
            return .cycleOpened(opened)
        case .commitCycle(let commit):
            var committed = CycleCommitted()
            committed.point.cycle = commit.cycle
            committed.point.consistency = .crash
            committed.point.identifier = Data(repeating: 3, count: 16)
            return .cycleCommitted(committed)
        case .keepCapture, .closeCapture, .releaseSource, .abortCycle, .deleteReplica:
            return .done(AgentDone())
        default:
            throw RemoteError(.unimplemented, "A scripted host answers what policy asks of an agent.")
        }
    }
}
