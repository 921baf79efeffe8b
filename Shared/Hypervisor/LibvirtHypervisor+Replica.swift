import Foundation
import Logging

/// Guests that are started from a recovery point.
extension LibvirtHypervisor {
    package func startReplicaGuest(_ request: ReplicaGuestRequest) async throws -> ReplicaGuest {
        let document = try DomainDocument(parsing: request.definition)
        let (uuid, name) =
            switch request.identity {
            case .same: (document.uuid, document.name)
            case .test(let uuid, let name): (uuid, name)
            }
        return try await turns.take(uuid) {
            try await call { [self] connection in
                let files = ReplicaDirectory(request.directory)
                try refuseStrangers(uuid: uuid, name: name, request, connection)
                if let started = try files.started() {
                    guard started.protection == request.protection, started.cycle == request.cycle,
                        started.uuid == uuid
                    else { throw HypervisorError.otherReplica(name: started.name, cycle: started.cycle) }
                    return try goOn(started, files, connection)
                }
                // What an earlier attempt left never executed an instruction.
                try clear(uuid: uuid, files, connection)
                do {
                    return try make(request, document: document, files, connection)
                } catch {
                    clearReporting(uuid: uuid, files, connection)
                    throw error
                }
            }
        }
    }

    package func removeReplicaGuest(uuid: String, directory: String) async throws {
        try await turns.take(uuid) {
            try await call { [self] connection in
                try clear(uuid: uuid, ReplicaDirectory(directory), connection)
            }
        }
    }

    package func replicaGuestMayHaveRun(in directory: String) async throws -> Bool {
        try ReplicaDirectory(directory).started() != nil
    }

    // MARK: Pieces, all blocking

    /// Neither a guest of that name nor one of that UUID may be there, but the one that an earlier call made.
    private func refuseStrangers(
        uuid: String, name: String, _ request: ReplicaGuestRequest, _ connection: LibvirtConnection
    ) throws {
        if let other = try connection.domain(named: name), other.uuid != uuid {
            throw HypervisorError.guestExists(name: name, uuid: other.uuid)
        }
        guard let known = try connection.knownDomain(uuid) else { return }
        let mark = try ReplicaMark(of: XMLElement(parsing: known.xml(inactive: true)))
        guard let mark, mark.protection == request.protection, mark.directory == request.directory else {
            throw HypervisorError.guestExists(name: known.name, uuid: uuid)
        }
    }

    /// A guest that executed instructions is left as it is, and running.
    private func goOn(
        _ started: ReplicaDirectory.Started, _ files: ReplicaDirectory, _ connection: LibvirtConnection
    ) throws -> ReplicaGuest {
        let domain: LibvirtDomain
        if let known = try connection.knownDomain(started.uuid) {
            domain = known
        } else {
            // Somebody undefined it; its disks are still its disks.
            guard let definition = FileManager.default.contents(atPath: files.definition) else {
                throw HypervisorError(
                    .operationFailed, "The definition of guest \(started.name) is lost: \(files.definition).",
                    remedy: "Stop the replica and start it again; what the guest wrote since is then lost.")
            }
            domain = try connection.define(String(decoding: definition, as: UTF8.self))
        }
        switch try domain.power().state {
        case .running: break
        case .paused: try domain.resume()
        case .shutOff, .crashed: try Self.start(domain)
        }
        return started.answer
    }

    private func make(
        _ request: ReplicaGuestRequest, document: DomainDocument, _ files: ReplicaDirectory,
        _ connection: LibvirtConnection
    ) throws -> ReplicaGuest {
        let free = try Self.memoryAvailableBytes()
        guard free >= document.memoryBytes else {
            throw HypervisorError.tooLittleMemory(
                guest: document.name, needsBytes: document.memoryBytes, freeBytes: free)
        }
        var rewriter = try DefinitionRewriter(request, host: try host(for: request, connection))
        let firmware = rewriter.firmware
        let definition = try rewriter.rewrite()
        let owner = try connection.qemuOwner()
        try files.prepare(owner: owner)
        if !firmware.variables.isEmpty {
            try files.write(firmware.variables, to: files.nvram)
            try files.give(files.nvram, to: owner)
        }
        for disk in request.disks {
            try Self.createOverlay(on: disk, files.overlay(disk.target))
            try files.give(files.overlay(disk.target), to: owner)
        }
        try files.write(Array(definition.serialized.utf8), to: files.definition)

        let domain = try connection.define(definition.serialized)
        // Once it is defined, because forgetting the guest takes it away again.
        if !firmware.tpm.isEmpty, let tpm = try tpmDirectory(of: DomainDocument(parsing: definition.serialized)) {
            try tpm.replace(with: firmware.tpm)
        }
        try domain.startPaused(dropsSavedMemory: true)
        try ViewReconnect.apply(to: domain)
        if request.tracksChanges {
            try takeFirstCheckpoint(
                CheckpointName(protection: request.protection, cycle: request.cycle), of: domain,
                disks: request.disks.map { ($0.target, $0.sizeBytes, files.overlay($0.target)) })
        }
        var started = ReplicaDirectory.Started(
            protection: request.protection, cycle: request.cycle, uuid: domain.uuid, name: domain.name,
            warnings: rewriter.warnings, runningUnixMilliseconds: Self.unixMilliseconds())
        try files.setStarted(started)
        try domain.resume()
        started.runningUnixMilliseconds = Self.unixMilliseconds()
        try files.setStarted(started)
        return started.answer
    }

    /// The view is not asked here: that it is there shows when QEMU starts, and its size is known.
    private static func createOverlay(on disk: ReplicaGuestRequest.Disk, _ path: String) throws {
        try Program.run(
            "qemu-img",
            ["create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", disk.viewURI, path, String(disk.sizeBytes)])
    }

    private func host(
        for request: ReplicaGuestRequest, _ connection: LibvirtConnection
    ) throws -> DefinitionRewriter.Host {
        let domain = try XMLElement(parsing: request.definition)
        let system = domain.first("os", "type")
        let architecture = system?["arch"] ?? "x86_64"
        func capabilities(_ type: String) throws -> XMLElement {
            try connection.capabilities(architecture: architecture, machine: system?["machine"], type: type)
        }
        var type = "qemu"
        var offered: XMLElement?
        if domain["type"] == "kvm" {
            do {
                let accelerated = try capabilities("kvm")
                let emulator = accelerated.first("path")?.text ?? ""
                if kvm.works(emulator: emulator, architecture: architecture) {
                    type = "kvm"
                    offered = accelerated
                }
            } catch let error as HypervisorError where error.code == .hostUnfit {
                // Without KVM, or without the machine type, which asking once more tells apart.
            }
        }
        let emulator = try (offered ?? capabilities("qemu")).first("path")?.text ?? ""
        return DefinitionRewriter.Host(
            domainType: type, emulator: emulator, hasSoftwareTPM: Program.isInstalled("swtpm"),
            exists: { FileManager.default.fileExists(atPath: $0) }, macAddress: Self.randomMACAddress)
    }

    /// Locally administered, so that no card of a manufacturer has it.
    @Sendable private static func randomMACAddress() -> String {
        let bytes = [UInt8.random(in: 0...0xFF) & 0xF0 | 0x02] + (0..<5).map { _ in UInt8.random(in: 0...0xFF) }
        return bytes.map { String($0 >> 4, radix: 16) + String($0 & 0xF, radix: 16) }.joined(separator: ":")
    }

    /// Ends and forgets the guest that was made from `files`, and removes them. `started` goes first, so that a crash in
    /// the middle is never taken for a guest whose writes count.
    private func clear(uuid: String, _ files: ReplicaDirectory, _ connection: LibvirtConnection) throws {
        let domain = try connection.knownDomain(uuid)
        let isOurs = try domain.map { domain in
            let running = try ReplicaMark(of: XMLElement(parsing: domain.xml(inactive: false)))
            return running?.directory == files.path
        }
        if let domain, isOurs == true {
            if try domain.power().state.hasProcess { try Self.destroy(domain) }
            try files.clearStarted()
            try domain.undefineWithState()
        }
        try files.clear()
    }

    private func clearReporting(uuid: String, _ files: ReplicaDirectory, _ connection: LibvirtConnection) {
        do {
            try clear(uuid: uuid, files, connection)
        } catch {
            // What failed before is what is reported; the next attempt clears the rest.
            logger.error("replica's guest not taken back", metadata: ["guest": "\(uuid)", "error": "\(error)"])
        }
    }

    /// Ends a guest that may end by itself meanwhile.
    static func destroy(_ domain: LibvirtDomain) throws {
        do {
            try domain.destroy()
        } catch let error as HypervisorError where error.code == .wrongPowerState {
            // It is off, as wanted.
        }
    }
}
