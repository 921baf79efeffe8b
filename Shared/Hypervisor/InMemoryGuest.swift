import BlockDevice

/// A guest of `InMemoryHypervisor`: its disks, what changed on them since each checkpoint, and its open capture.
struct InMemoryGuest: Sendable {
    struct Disk: Sendable {
        let target: String
        let format: String
        var bytes: SparseBytes
        /// The file that it is said to be in; nil: only in memory.
        var path: String?

        init(target: String, format: String, sizeBytes: UInt64) {
            self.target = target
            self.format = format
            bytes = SparseBytes(sizeBytes: sizeBytes)
        }
    }

    /// What a checkpoint knows: sizes of the disks it was made over, and blocks written since.
    struct Checkpoint: Sendable {
        var sizes: [String: UInt64]
        var dirty: [String: Set<UInt64>]
        var isConsistent = true
    }

    struct Capture: Sendable {
        let protection: String
        let description: CaptureDescription
        let exports: [Export]
        var isLost = false
    }

    struct Export: Sendable {
        let uri: String
        let bytes: SparseBytes
        let dirtyBlocks: [String: Set<UInt64>]
    }

    /// What is remembered of the point that a guest was started from.
    struct Replica: Sendable {
        let protection: String
        let cycle: UInt64
        let directory: String
        let answer: ReplicaGuest
        /// It no longer needs its view.
        var isOnBase = false
    }

    let uuid: String
    let name: String
    let memoryBytes: UInt64
    var hasGuestAgent: Bool
    var power = PowerState.running {
        didSet {
            if power.hasProcess, !oldValue.hasProcess { starts += 1 }
            if power.hasProcess { end = .shutDown }
        }
    }
    /// How it goes off, or went.
    var end = GuestEnd.shutDown
    /// How often it was started.
    private(set) var starts: UInt32 = 1
    var disks: [Disk]
    var checkpoints: [CheckpointName: Checkpoint] = [:]
    var capture: Capture?
    var isFrozen = false
    /// It was started from a recovery point.
    var replica: Replica?
    var startsWithHost = false
    var hasLinks = true
    /// UEFI variables; empty: it has none.
    var nvram: [UInt8] = []
    /// Whether it shuts down when its power button is pressed.
    var hearsPowerButton = true

    init(uuid: String, name: String, memoryBytes: UInt64, hasGuestAgent: Bool, disks: [Disk]) {
        self.uuid = uuid
        self.name = name
        self.memoryBytes = memoryBytes
        self.hasGuestAgent = hasGuestAgent
        self.disks = disks
    }

    /// A guest from a definition: shut off, its disks empty and of 1 MiB.
    init(definition: String) throws {
        let document = try XMLElement(parsing: definition)
        guard document.name == "domain", let name = document.first("name")?.text, !name.isEmpty,
            let uuid = document.first("uuid")?.text, !uuid.isEmpty
        else { throw HypervisorError(.invalidDefinition, "The definition names no guest.") }
        let disks = (document.first("devices")?.all("disk") ?? []).compactMap { disk -> Disk? in
            guard let target = disk.first("target")?["dev"] else { return nil }
            return Disk(target: target, format: disk.first("driver")?["type"] ?? "raw", sizeBytes: 1 << 20)
        }
        self.init(uuid: uuid, name: name, memoryBytes: 256 << 20, hasGuestAgent: false, disks: disks)
        power = .shutOff
    }

    var description: GuestDescription {
        GuestDescription(
            uuid: uuid, name: name, power: power, memoryBytes: memoryBytes, virtualCPUs: 1,
            disks: disks.map(describe), findings: findings, hasGuestAgent: hasGuestAgent && power == .running,
            definition: definition, startsWithHost: startsWithHost, run: power.hasProcess ? starts : nil)
    }

    private func describe(_ disk: Disk) -> DiskDescription {
        DiskDescription(
            target: disk.target, sizeBytes: disk.bytes.sizeBytes, format: disk.format,
            source: disk.path ?? "memory:\(uuid)/\(disk.target)")
    }

    private var findings: [Finding] {
        var findings = disks.filter { $0.format == "raw" }.map { Finding.rawDisk(target: $0.target) }
        if disks.isEmpty { findings.append(.noDisks(guest: name)) }
        if let unfinished = Finding(power.hasProcess ? nil : end, of: name) { findings.append(unfinished) }
        if disks.count > HypervisorLimits.disksPerGuest {
            findings.append(.tooManyDisks(guest: name, count: disks.count))
        }
        return findings
    }

    private var definition: String {
        let devices = XMLElement(
            "devices", [:],
            disks.map { disk in
                XMLElement(
                    "disk", ["type": "file", "device": "disk"],
                    [
                        XMLElement("driver", ["name": "qemu", "type": disk.format]),
                        XMLElement("source", ["file": "memory:\(uuid)/\(disk.target)"]),
                        XMLElement("target", ["dev": disk.target, "bus": "virtio"]),
                    ])
            })
        return XMLElement(
            "domain", ["type": "qemu"],
            [
                XMLElement("name", text: name), XMLElement("uuid", text: uuid),
                XMLElement("memory", ["unit": "KiB"], text: String(memoryBytes / 1_024)), devices,
            ]
        ).serialized
    }

    func disk(_ target: String) -> Disk {
        disks[index(of: target)]
    }

    private func index(of target: String) -> Int {
        let index = disks.firstIndex { $0.target == target }
        precondition(index != nil, "tests name disks that exist")
        return index!
    }

    // MARK: What the guest does

    mutating func write(_ bytes: [UInt8], to target: String, at offset: UInt64) {
        disks[index(of: target)].bytes.write(bytes, at: offset)
        markDirty(offset..<offset + UInt64(bytes.count), of: target)
    }

    mutating func discard(_ range: Range<UInt64>, of target: String) {
        disks[index(of: target)].bytes.discard(range)
        markDirty(range, of: target)
    }

    mutating func resize(_ target: String, to sizeBytes: UInt64) {
        disks[index(of: target)].bytes.resize(to: sizeBytes)
    }

    mutating func crash() {
        power = .shutOff
        end = .unknown
        capture?.isLost = true
        isFrozen = false
        for name in checkpoints.keys { checkpoints[name]!.isConsistent = false }
    }

    private mutating func markDirty(_ range: Range<UInt64>, of target: String) {
        guard !range.isEmpty else { return }
        let blocks = range.lowerBound / SparseBytes.blockBytes...(range.upperBound - 1) / SparseBytes.blockBytes
        for name in checkpoints.keys { checkpoints[name]!.dirty[target, default: []].formUnion(blocks) }
    }

    // MARK: Captures

    mutating func openCapture(_ request: CaptureRequest, unixMilliseconds: Int64) throws -> Capture {
        if let open = capture {
            if open.protection == request.protection, open.description.cycle == request.cycle, !open.isLost {
                return open
            }
            capture = nil
        }
        if let finding = findings.first(where: \.rule.refusesCapture) { throw HypervisorError(finding) }
        let base = try baseCheckpoint(for: request)
        // As with the real one: a guest that is shut off can not lose a checkpoint, and the last acknowledged one stays
        // until a full or compared cycle is committed.
        if power.hasProcess {
            checkpoints = checkpoints.filter { name, _ in
                guard name.belongs(to: request.protection) else { return true }
                return base.map { name == $0 } ?? (name.cycle < request.cycle)
            }
        }

        var baseDirty: [String: Set<UInt64>] = [:]
        if let base { baseDirty = checkpoints[base]!.dirty }
        let context = base.map { _ in BlockContext.dirtyBitmap("backup") }
        var exports: [Export] = []
        let captured = disks.map { disk in
            let dirty = context == nil ? nil : baseDirty[disk.target] ?? []
            let export = Export(
                uri: "memory:\(uuid)/\(request.cycle)/\(disk.target)", bytes: disk.bytes,
                dirtyBlocks: context.map { [$0: dirty ?? []] } ?? [:])
            exports.append(export)
            let histogram = histogram(of: disk.bytes, dirty: dirty, request: request)
            return CapturedDisk(
                disk: describe(disk), nbdURI: export.uri, bitmapContext: context, regionBytes: histogram.regionBytes,
                changed: histogram.changed)
        }
        if power.hasProcess { track(protection: request.protection, cycle: request.cycle) }
        let isApplication =
            power.hasProcess ? request.consistency == .application && hasGuestAgent : end == .shutDown
        let opened = Capture(
            protection: request.protection,
            description: CaptureDescription(
                cycle: request.cycle, capturedUnixMilliseconds: unixMilliseconds,
                consistency: isApplication ? .application : .crash,
                consistencyNote: request.consistency == .application && !isApplication
                    ? "No guest agent answers, so file systems were not frozen." : "",
                disks: captured, definition: definition, nvram: nvram, isOffline: !power.hasProcess,
                frozen: isApplication && power.hasProcess ? .milliseconds(20) : .zero),
            exports: exports)
        capture = opened
        return opened
    }

    private func baseCheckpoint(for request: CaptureRequest) throws -> CheckpointName? {
        switch request.kind {
        case .full, .compare: nil
        case .incremental(let parent): try usableCheckpoint(of: request.protection, upTo: parent)
        }
    }

    private func usableCheckpoint(of protection: String, upTo parent: UInt64) throws -> CheckpointName {
        let sizes = Dictionary(uniqueKeysWithValues: disks.map { ($0.target, $0.bytes.sizeBytes) })
        guard let base = checkpoints.keys.newest(ofProtection: protection, upTo: parent) else {
            throw HypervisorError.noCheckpoint(parentCycle: parent)
        }
        let checkpoint = checkpoints[base]!
        try CheckpointComparison(atCheckpoint: checkpoint.sizes, now: sizes).check()
        guard checkpoint.isConsistent else { throw HypervisorError.inconsistentBitmap(disk: disks[0].target) }
        return base
    }

    func written(of protection: String, since cycle: UInt64) throws -> [String: [Range<UInt64>]] {
        let checkpoint = checkpoints[try usableCheckpoint(of: protection, upTo: cycle)]!
        var written: [String: [Range<UInt64>]] = [:]
        for disk in disks {
            var ranges = BoundedRanges(maximum: BlockDeviceLimits.writtenRangesPerDisk)
            for block in (checkpoint.dirty[disk.target] ?? []).sorted() {
                let start = block * SparseBytes.blockBytes
                ranges.add(start..<min(start + SparseBytes.blockBytes, disk.bytes.sizeBytes))
            }
            written[disk.target] = ranges.ranges
        }
        return written
    }

    private func histogram(of bytes: SparseBytes, dirty: Set<UInt64>?, request: CaptureRequest) -> ChangeHistogram {
        var histogram = ChangeHistogram(sizeBytes: bytes.sizeBytes, regionsAtMost: request.regionsPerDisk)
        var offset: UInt64 = 0
        while offset < bytes.sizeBytes {
            let length = min(SparseBytes.blockBytes, bytes.sizeBytes - offset)
            let isData = bytes.isAllocated(offset)
            let counts =
                switch request.kind {
                case .full: isData
                case .incremental: dirty?.contains(offset / SparseBytes.blockBytes) ?? false
                case .compare: true
                }
            if counts { histogram.add(.init(offset: offset, length: length, kind: isData ? .data : .zero)) }
            offset += length
        }
        return histogram
    }

    /// The first checkpoint of a guest that has not executed an instruction yet.
    mutating func track(protection: String, cycle: UInt64) {
        let sizes = Dictionary(uniqueKeysWithValues: disks.map { ($0.target, $0.bytes.sizeBytes) })
        checkpoints[CheckpointName(protection: protection, cycle: cycle)] = Checkpoint(sizes: sizes, dirty: [:])
    }

    mutating func closeCapture(protection: String, keepCheckpointOfCycle: UInt64) {
        if capture?.protection == protection { capture = nil }
        // As with the real one: a guest that is shut off can not lose a checkpoint.
        guard power.hasProcess else { return }
        let kept = checkpoints.keys.newest(ofProtection: protection, upTo: keepCheckpointOfCycle)
        checkpoints = checkpoints.filter { !$0.key.belongs(to: protection) || $0.key == kept }
    }

    mutating func release(protection: String) {
        if capture?.protection == protection { capture = nil }
        checkpoints = checkpoints.filter { !$0.key.belongs(to: protection) }
    }

    mutating func clearLeftovers(protections: Set<String>?) -> [String] {
        var cleared: [String] = []
        if let capture {
            cleared.append("The capture of cycle \(capture.description.cycle) of guest \(name) was ended.")
            self.capture = nil
        }
        if let protections {
            for name in checkpoints.keys.sorted(by: { $0.cycle < $1.cycle })
            where !protections.contains(where: name.belongs) {
                checkpoints[name] = nil
                cleared.append("Checkpoint \(name) of guest \(self.name) was removed.")
            }
        }
        return cleared
    }
}
