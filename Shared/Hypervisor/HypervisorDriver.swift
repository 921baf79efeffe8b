/// What a host agent asks of the hypervisor of its host.
///
/// Every method may be called from any task; none blocks a thread of the cooperative pool. Errors are
/// `HypervisorError`. Whatever a method began before it failed, it has taken back: no backup job, checkpoint, bitmap,
/// scratch file or process stays behind, and no guest stays frozen. While the hypervisor or a guest agent does not let
/// it, the driver goes on by itself to end the job and to thaw the guest, because its caller may never come again.
///
/// `protection` is the identifier of a protection (a UUID as text), `guest` the guest's UUID as text.
package protocol HypervisorDriver: Sendable {
    /// Memory, versions and name of this host.
    func hostInformation() async throws -> HostInformation

    /// What this host lacks for capturing and for running guests, item by item; passed ones are listed too.
    func checkPrerequisites() async -> [Prerequisite]

    /// Every guest that is defined, with what preflight says about each, in the order of their names.
    func inventory() async throws -> [GuestDescription]

    /// One guest, freshly read.
    func describe(guest: String) async throws -> GuestDescription

    /// Whether a guest runs and its guest agent answers a question now, within `HypervisorLimits.agentAnswerTime`. False
    /// for a guest without such an agent, and for one that this host does not have.
    func guestAgentAnswers(_ guest: String) async throws -> Bool

    /// What happens to guests and captures from now on. Bounded: a reader that falls behind loses the oldest changes,
    /// so a change is a hint to look, never the only truth.
    func changes() -> AsyncStream<GuestChange>

    /// Makes the disks of a guest readable as they are at one instant, and says what changed since the parent cycle.
    ///
    /// Running guest: preflight → freeze when asked for → one backup job over all disks with a new checkpoint → thaw.
    /// Guest that is shut off: its images are served read-only as they are; no checkpoint is made, so the parent's
    /// stays the base of the next capture, which then holds a little more than needed and never less.
    ///
    /// Safe to repeat: an open capture of the same protection and cycle is described again. One of another cycle of the
    /// protection is closed first, and its checkpoint dropped.
    ///
    /// Throws `.needsCompare` or `.needsFull` when the kind asked for is not possible, `.preflight` when a blocking
    /// rule is broken; `reason` is one clear sentence.
    func openCapture(_ request: CaptureRequest) async throws -> CaptureDescription

    /// Proves that an open capture still shows the instant it was opened at: its job runs, its scratch space holds, and
    /// a guest that was shut off has not started. Throws `.captureLost` otherwise.
    ///
    /// To be asked after the last byte was read and before the target commits: what was read is then right even when a
    /// guest starts a moment later.
    func verifyCapture(protection: String, cycle: UInt64) async throws

    /// Ends a capture: job, sockets, scratch files and processes go. Of the protection's checkpoints the newest one of
    /// a cycle not above `keepCheckpointOfCycle` stays, and every other goes: when committed that is the capture's own
    /// cycle, when abandoned the last acknowledged one, or 0 for none.
    ///
    /// Works for a capture that was opened before this process started, and when nothing is open. Checkpoints of a
    /// guest that is shut off can not be deleted; they go at its next capture.
    func closeCapture(
        protection: String, guest: String, cycle: UInt64, keepCheckpointOfCycle: UInt64) async throws

    /// Removes every trace of a protection: capture, checkpoints, bitmaps, scratch files, processes. A guest that no
    /// longer exists has none.
    func releaseGuest(protection: String, guest: String) async throws

    /// To be called once at start: ends what an earlier run of this agent left behind (jobs, scratch files, sockets,
    /// processes). Checkpoints of protections that are not in `protections` go too; nil keeps all of them.
    /// Never touches what another program made. Answers one sentence per thing removed.
    ///
    /// Throws only when the hypervisor, or what it left, can not be seen at all. A guest that does not let its share be
    /// cleared within `HypervisorLimits.leftoverWaitTime`, because its hypervisor process hangs, is cleared once it does,
    /// before any capture of it that is asked for later. It keeps nobody else waiting.
    func clearLeftovers(protections: Set<String>?) async throws -> [String]

    /// Throws `.wrongPowerState` for a guest that was migrated to another host, because it may run there.
    func start(guest: String) async throws
    /// Asks the guest to shut down, as its power button does, and returns when it was asked.
    func shutdown(guest: String) async throws
    /// Ends the guest as pulling the plug would.
    func destroy(guest: String) async throws
    /// Answers the UUID of the guest.
    func define(xml: String) async throws -> String
    /// Forgets a guest that is shut off, with its checkpoints' metadata; its disks stay.
    func undefine(guest: String) async throws

    // MARK: Failover

    /// Starts a guest from a view of a recovery point, and answers when its first instruction was executed.
    ///
    /// Each disk becomes a qcow2 overlay on the view (raw, over NBD), the definition is rewritten for this host, and
    /// the guest is started paused. With `tracksChanges` the first checkpoint, named by the cycle, is then taken over
    /// all disks, and only then the guest is resumed: not one write escapes tracking, and the first capture with this
    /// cycle as its parent is incremental. When the view's server ends, the guest's reads wait until there is one on
    /// the same socket again; `HypervisorLimits.viewReconnectTime` bounds that.
    ///
    /// Safe to repeat, also after a crash at any step: the end is the same one running guest. A guest that executed an
    /// instruction is never begun anew; off, it is started as it is.
    ///
    /// Throws `.guestExists` when this host has another guest of that name or UUID, or a replica of another cycle in
    /// its place; `.hostUnfit` when it lacks the machine type, the firmware or the memory. After a failure nothing of
    /// what was made stays.
    func startReplicaGuest(_ request: ReplicaGuestRequest) async throws -> ReplicaGuest

    /// Removes a guest that `startReplicaGuest` made, running or not: its process, definition, checkpoints, UEFI
    /// variables, overlays, and every other file of its in `directory`; that goes too when nothing else is in it.
    /// Its writes are lost. Safe to repeat, and right after a half-made start. A guest with that UUID that was not
    /// started from a replica in `directory` is not touched.
    ///
    /// To be called before the view ends, because a guest that waits for its view is slower to end.
    func removeReplicaGuest(uuid: String, directory: String) async throws

    /// Whether a guest that `startReplicaGuest` made in `directory` may have executed an instruction, so that its disks
    /// may hold what nobody else has. Throws when that cannot be known.
    func replicaGuestMayHaveRun(in directory: String) async throws -> Bool

    /// Starts a guest of this host on its own disks, which replication wrote to, with the first checkpoint, named by
    /// `cycle`, taken before its first instruction. Checkpoints of the protection and saved memory that it had before
    /// go. Safe to repeat: one that runs with a
    /// checkpoint of that cycle or a later one is answered.
    ///
    /// Throws `.wrongPowerState` when it runs without such a checkpoint, because its changes are then unknown. After
    /// another failure it is off again.
    /// - Parameters:
    ///   - mayHaveRun: an earlier call came as far as `beforeItRuns`, so the guest may have written since. A checkpoint
    ///     that begins now would leave that out: those that it has stay as they are, memory that was saved since is gone on from, and it is started, or runs, with
    ///     these. Where they do not tell what changed since the cycle, its next capture says so.
    ///   - beforeItRuns: called once everything is ready and before the guest may write, on a thread that may block;
    ///     also when it runs already. What it throws keeps the guest from running.
    func startTracked(
        guest: String, protection: String, cycle: UInt64, mayHaveRun: Bool,
        beforeItRuns: @escaping @Sendable () throws -> Void
    ) async throws -> ReplicaGuest

    /// Shuts a guest down as its power button does, pressed again every few seconds, because a guest that still boots
    /// does not hear it. When the limit passes it is ended as pulling the plug would, or, without `destroysAfterLimit`,
    /// goes on running, perhaps to go off later, and `.shutdownTimedOut` is thrown. A paused guest can not shut down, so its limit passes at once.
    ///
    /// Throws `.wrongPowerState` when the guest is off and its disks are not all there is of it
    /// (`PreflightRule.forbidsHandingOver`).
    func stopGuest(
        _ guest: String, shutdownLimit: Duration, destroysAfterLimit: Bool
    ) async throws -> StoppedGuest

    /// Whether a guest is started with its host. Answers what it was before.
    @discardableResult
    func setAutostart(_ guest: String, _ isOn: Bool) async throws -> Bool

    /// Cuts every network of a running guest, or gives each back as the guest's definition has it. Until its next
    /// start; nothing to do for a guest that is off.
    func setLinks(of guest: String, up: Bool) async throws

    /// Puts the overlays of a replica's guest, which has to be off, on its base images (`images` by target; they hold
    /// what the view holds), so that its next start needs no view. Its writes, checkpoints and bitmaps stay.
    /// Safe to repeat.
    func settleOnBase(guest: String, directory: String, images: [String: BaseImageFile]) async throws

    /// Undefines a guest that is off and was not started from the replica of this directory, so that one of the same UUID
    /// can be. Its disks, UEFI variables and TPM state stay; its definition is for the caller to keep. Nothing to do
    /// when there is none. Throws `.wrongPowerState` when it runs.
    func setAside(guest: String, for directory: String) async throws

    /// The UEFI variables of a guest and the state of its emulated TPM, as they are now and as recovery points carry
    /// them (`FirmwareState`); empty when it has neither.
    func firmware(of guest: String) async throws -> [UInt8]

    /// Puts them back into the places that the guest's definition names; what the bytes lack stays as it is. Safe to
    /// repeat. Throws `.wrongPowerState` when the guest runs.
    func setFirmware(_ bytes: [UInt8], of guest: String) async throws

    /// What a guest that is off wrote since the capture of a cycle, by disk: everything it wrote, and perhaps a little
    /// more, in at most `BlockDeviceLimits.writtenRangesPerDisk` rising ranges. A capture of the protection that is
    /// open is closed.
    ///
    /// Throws `.needsCompare` or `.needsFull` when that is not known: no checkpoint of that cycle or an earlier one, a
    /// bitmap that QEMU could not store, other disks or sizes; `reason` is one clear sentence.
    func written(
        by guest: String, of protection: String, since cycle: UInt64
    ) async throws -> [String: [Range<UInt64>]]

    /// Removes the change bitmaps of a protection from qcow2 images that nobody has open, and its checkpoints from the
    /// guest that they belong to, when there is one, so that nothing of ours stays in disks that are adopted.
    /// Safe to repeat. Throws `.wrongPowerState` when the guest runs.
    func stripBitmaps(protection: String, guest: String, images: [String]) async throws

    /// Closes the connection. Guests and captures go on.
    func close() async
}
