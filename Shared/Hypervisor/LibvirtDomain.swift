import CLibvirt
import Glibc

/// A libvirt domain. Every method blocks; see `LibvirtConnection`.
///
/// Not Sendable: it lives inside one call on one blocking thread, and is looked up again by the next.
final class LibvirtDomain {
    let pointer: virDomainPtr
    private let marks: MigrationMarks

    /// Takes over the reference.
    init(_ pointer: virDomainPtr, _ marks: MigrationMarks) {
        self.pointer = pointer
        self.marks = marks
    }

    deinit { virDomainFree(pointer) }

    var name: String { virDomainGetName(pointer).map { String(cString: $0) } ?? "" }

    var uuid: String {
        var text = [CChar](repeating: 0, count: Int(VIR_UUID_STRING_BUFLEN))
        virDomainGetUUIDString(pointer, &text)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    var isPersistent: Bool { virDomainIsPersistent(pointer) == 1 }

    var snapshotCount: Int { max(0, Int(virDomainSnapshotNum(pointer, 0))) }

    /// With what libvirt has forgotten of a migration.
    func power() throws -> DomainPower {
        let guest = uuid
        let mark = try marks.mark(of: guest)
        var state: Int32 = 0
        var reason: Int32 = 0
        try check(virDomainGetState(pointer, &state, &reason, 0), "The state of guest \(name) could not be read.")
        let isOff = UInt32(bitPattern: state) == VIR_DOMAIN_SHUTOFF.rawValue
        let power = DomainPower(state: state, reason: reason, hasSavedMemory: try isOff && hasSavedMemory)
        return marks.remembering(power, of: guest, mark: mark)
    }

    /// The run that the guest is in. Its number is of when the domain was looked up, the rest of now.
    func run() throws -> GuestRun {
        var state: Int32 = 0
        try check(virDomainGetState(pointer, &state, nil, 0), "The state of guest \(name) could not be read.")
        let number = virDomainGetID(pointer)
        switch UInt32(bitPattern: state) {
        case VIR_DOMAIN_SHUTOFF.rawValue, VIR_DOMAIN_CRASHED.rawValue: return GuestRun(number: nil, isEnding: false)
        case let state:
            return GuestRun(
                number: number == UInt32.max ? nil : number, isEnding: state == VIR_DOMAIN_SHUTDOWN.rawValue)
        }
    }

    /// The definition as it is now, or as it will be at the next start, then with its secrets.
    func xml(inactive: Bool) throws -> String {
        let flags = inactive ? VIR_DOMAIN_XML_INACTIVE.rawValue | VIR_DOMAIN_XML_SECURE.rawValue : 0
        guard let text = virDomainGetXMLDesc(pointer, flags) else {
            throw LibvirtFailure.last().whileDoing("The definition of guest \(name) could not be read.")
        }
        defer { free(text) }
        return String(cString: text)
    }

    // MARK: Backup

    /// The scratch files that `backup` names exist already.
    func beginBackup(_ backup: XMLElement, checkpoint: XMLElement) throws(LibvirtFailure) {
        let flags = VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL.rawValue
        guard virDomainBackupBegin(pointer, backup.serialized, checkpoint.serialized, flags) == 0 else {
            throw LibvirtFailure.last()
        }
    }

    /// The backup job that is running, if any. Asked of libvirt's memory alone: it waits for no other job of the domain
    /// and keeps none waiting, so it may be asked often. Where none is expected `job` is asked first, because libvirt
    /// writes an error into its log when there is none.
    func backup() throws -> XMLElement? {
        guard let text = virDomainBackupGetXMLDesc(pointer, 0) else {
            let failure = LibvirtFailure.last()
            if failure.is(VIR_ERR_NO_DOMAIN_BACKUP) || failure.is(VIR_ERR_OPERATION_INVALID) { return nil }
            throw failure.whileDoing("The backup job of guest \(name) could not be read.")
        }
        defer { free(text) }
        return try XMLElement(parsing: String(cString: text))
    }

    /// What occupies a running guest. While there is a job, QEMU is asked about it, and other jobs of the guest wait.
    func job() throws -> GuestJob {
        var type: Int32 = 0
        let parameters = try jobStatistics(&type)
        guard type != Int32(VIR_DOMAIN_JOB_NONE.rawValue) else { return .none }
        switch UInt32(clamping: parameters[VIR_DOMAIN_JOB_OPERATION] ?? 0) {
        case VIR_DOMAIN_JOB_OPERATION_BACKUP.rawValue: return .backup
        case VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN.rawValue, VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT.rawValue:
            return .other("a migration")
        case VIR_DOMAIN_JOB_OPERATION_SAVE.rawValue: return .other("saving its state")
        case VIR_DOMAIN_JOB_OPERATION_SNAPSHOT.rawValue: return .other("a snapshot")
        case VIR_DOMAIN_JOB_OPERATION_DUMP.rawValue: return .other("a memory dump")
        case let number: return .other("job \(number) of libvirt")
        }
    }

    /// Bytes that the running backup job holds in scratch files.
    func scratchUsedBytes() throws -> UInt64 {
        var type: Int32 = 0
        return try jobStatistics(&type)[VIR_DOMAIN_JOB_DISK_TEMP_USED] ?? 0
    }

    private func jobStatistics(_ type: inout Int32) throws -> [String: UInt64] {
        var parameters: virTypedParameterPtr?
        var count: Int32 = 0
        guard virDomainGetJobStats(pointer, &type, &parameters, &count, 0) == 0 else {
            let failure = LibvirtFailure.last()
            // A guest that is shut off has no job.
            if failure.is(VIR_ERR_OPERATION_INVALID) {
                type = Int32(VIR_DOMAIN_JOB_NONE.rawValue)
                return [:]
            }
            throw failure.whileDoing("The job of guest \(name) could not be read.")
        }
        defer { virTypedParamsFree(parameters, count) }
        var numbers: [String: UInt64] = [:]
        for index in 0..<Int(count) {
            guard var parameter = parameters?[index] else { continue }
            let field = withUnsafeBytes(of: &parameter.field) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            switch UInt32(bitPattern: parameter.type) {
            case VIR_TYPED_PARAM_ULLONG.rawValue: numbers[field] = parameter.value.ul
            case VIR_TYPED_PARAM_INT.rawValue: numbers[field] = UInt64(clamping: parameter.value.i)
            default: break
            }
        }
        return numbers
    }

    func abortJob() throws {
        guard virDomainAbortJob(pointer) == 0 else {
            let failure = LibvirtFailure.last()
            // No job, or no running guest, is what was wanted.
            if failure.is(VIR_ERR_OPERATION_INVALID) { return }
            throw failure.whileDoing("The backup job of guest \(name) could not be ended.")
        }
    }

    /// Makes libvirt look at once at what became of a disk's block job, which was told to end before.
    ///
    /// One thread of libvirt handles all of QEMU's events, one by one. When a guest agent opens or closes its channel
    /// during a backup, that event waits for the backup to end (its kind of job, "modify, safe in a migration", is not
    /// among those that a backup lets through), and the events that would end it wait behind it, until libvirt gives up
    /// after 30 s. Asked to end a disk's job, libvirt looks at its state in the calling thread, whatever it answers; and
    /// what it answers is of no use, because a job that is ending already is refused. Seen in libvirt 9.0.
    func endBlockJobNow(on target: String) {
        _ = virDomainBlockJobAbort(pointer, target, 0)
    }

    /// Whether a block job (mirror, commit, stream) runs on a disk.
    func hasBlockJob(_ target: String) throws -> Bool {
        var information = virDomainBlockJobInfo()
        let result = virDomainGetBlockJobInfo(pointer, target, &information, 0)
        if result >= 0 { return result > 0 }
        let failure = LibvirtFailure.last()
        if failure.is(VIR_ERR_OPERATION_INVALID) || failure.is(VIR_ERR_INVALID_ARG) { return false }
        throw failure.whileDoing("The block jobs of guest \(name) could not be read.")
    }

    /// Whether QEMU answers. libvirt takes a process that has ended for a running guest for a moment longer, so that
    /// only a question to it can tell.
    func answers() throws -> Bool {
        guard let disk = try DomainDocument(parsing: xml(inactive: false)).disks.first(where: \.mayHaveBitmaps) else {
            return false
        }
        do {
            _ = try sizeBytes(of: disk.target)
        } catch let error as HypervisorError where error.code == .operationFailed {
            return false
        }
        return try run().isRunning
    }

    /// Virtual size of a disk in bytes. Of a running guest, QEMU is asked.
    func sizeBytes(of target: String) throws -> UInt64 {
        var information = virDomainBlockInfo()
        try check(
            virDomainGetBlockInfo(pointer, target, &information, 0), "The size of disk \(target) could not be read.")
        return UInt64(information.capacity)
    }

    // MARK: Checkpoints

    func checkpointNames() throws -> [String] {
        var list: UnsafeMutablePointer<virDomainCheckpointPtr?>?
        let count = virDomainListAllCheckpoints(pointer, &list, 0)
        guard count >= 0 else {
            throw LibvirtFailure.last().whileDoing("The checkpoints of guest \(name) could not be listed.")
        }
        defer { free(list) }
        return (0..<Int(count)).compactMap { index in
            guard let checkpoint = list?[index] else { return nil }
            defer { virDomainCheckpointFree(checkpoint) }
            return virDomainCheckpointGetName(checkpoint).map { String(cString: $0) }
        }
    }

    func checkpointXML(_ name: String) throws -> XMLElement {
        try withCheckpoint(name) { checkpoint in
            guard
                let text = virDomainCheckpointGetXMLDesc(
                    checkpoint, VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN.rawValue)
            else { throw LibvirtFailure.last().whileDoing("Checkpoint \(name) could not be read.") }
            defer { free(text) }
            return try XMLElement(parsing: String(cString: text))
        }
    }

    func deleteCheckpoint(_ name: String, metadataOnly: Bool) throws {
        try withCheckpoint(name) { checkpoint in
            let flags = metadataOnly ? VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY.rawValue : 0
            guard virDomainCheckpointDelete(checkpoint, flags) == 0 else {
                throw LibvirtFailure.last().whileDoing("Checkpoint \(name) could not be deleted.")
            }
        }
    }

    /// Makes libvirt know of a checkpoint whose bitmaps exist already.
    func redefineCheckpoint(_ checkpoint: XMLElement) throws {
        guard
            let made = virDomainCheckpointCreateXML(
                pointer, checkpoint.serialized, VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE.rawValue)
        else { throw LibvirtFailure.last().whileDoing("A checkpoint of guest \(name) could not be adopted.") }
        virDomainCheckpointFree(made)
    }

    private func withCheckpoint<T>(_ name: String, _ body: (virDomainCheckpointPtr) throws -> T) throws -> T {
        guard let checkpoint = virDomainCheckpointLookupByName(pointer, name, 0) else {
            throw LibvirtFailure.last().whileDoing("Checkpoint \(name) could not be found.")
        }
        defer { virDomainCheckpointFree(checkpoint) }
        return try body(checkpoint)
    }

    // MARK: Freezing

    /// Asks the guest agent the time, to learn whether it answers: being connected proves nothing, and a freeze that
    /// an agent does not answer may happen later.
    func agentAnswers(within limit: Duration) throws -> Bool {
        try limitAgent(limit)
        var seconds: Int64 = 0
        var nanoseconds: UInt32 = 0
        return virDomainGetTime(pointer, &seconds, &nanoseconds, 0) == 0
    }

    private func limitAgent(_ limit: Duration) throws {
        // Whole seconds, at least one. Without it libvirt waits for ever for an agent that hangs.
        try check(
            virDomainAgentSetResponseTimeout(pointer, Int32(clamping: max(1, limit.components.seconds)), 0),
            "The guest agent's time limit could not be set.")
    }

    /// Freezes the guest's file systems and answers how many.
    func freeze(within limit: Duration) throws -> Int {
        try limitAgent(limit)
        let count = virDomainFSFreeze(pointer, nil, 0, 0)
        guard count >= 0 else {
            throw LibvirtFailure.last().whileDoing("The guest's file systems could not be frozen.")
        }
        return Int(count)
    }

    /// - Parameter limit: for an agent that may not answer; without one that of the freeze holds.
    func thaw(within limit: Duration? = nil) throws {
        if let limit { try limitAgent(limit) }
        guard virDomainFSThaw(pointer, nil, 0, 0) >= 0 else {
            throw LibvirtFailure.last().whileDoing("The guest's file systems could not be thawed.")
        }
    }

    // MARK: Power and definition

    func start() throws { try check(virDomainCreate(pointer), "Guest \(name) could not be started.") }

    /// Presses the power button, which returns at once; through the agent libvirt may wait for a minute.
    func shutdown() throws {
        let flags = VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN.rawValue
        try check(virDomainShutdownFlags(pointer, flags), "Guest \(name) could not be asked to shut down.")
    }

    func destroy() throws { try check(virDomainDestroy(pointer), "Guest \(name) could not be ended.") }

    func undefine() throws {
        let flags =
            VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA.rawValue | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA.rawValue
            | VIR_DOMAIN_UNDEFINE_MANAGED_SAVE.rawValue | VIR_DOMAIN_UNDEFINE_KEEP_NVRAM.rawValue
        try check(virDomainUndefineFlags(pointer, flags), "Guest \(name) could not be undefined.")
    }

    func check(_ result: Int32, _ doing: @autoclosure () -> String) throws {
        guard result >= 0 else {
            let failure = LibvirtFailure.last()
            throw failure.whileDoing(doing())
        }
    }

    /// For calls that only few make; a negative result is an error.
    func withPointer(_ body: (virDomainPtr) -> Int32) throws {
        try check(body(pointer), "The call for guest \(name) failed.")
    }
}
