import BlockDevice
import Foundation
import Synchronization

/// Sees to it that backup jobs of ours end when this process dies and does not come back.
///
/// A backup job keeps what the guest overwrites in scratch files. When these can not grow any more, QEMU fails the guest's
/// writes, and nobody looks after their room once the agent is gone (see `ScratchBudget`). So a small child process is there
/// while there are jobs, as for a freeze (see `FreezeWatchdog`): it hears of each before it begins, and when it reads the
/// end of its input it ends those that it has not heard the end of, through `virsh`.
///
/// An agent that comes back first ends them itself: it takes away the file `keeper` of the directory of captures, whose
/// content is the child's permission, so that no capture that it opens under the same name is taken for the old one.
final class JobKeeper: Sendable {
    private struct State: ~Copyable {
        /// By guest, because libvirt runs one backup job in each.
        var sockets: [String: String] = [:]
        var child: ChildProcess?
    }

    private let state = Mutex(State())
    private let uri: String
    private let file: String
    private let environment: [String: String]

    /// - Parameter environment: beside the own of `ChildProcess`; tests put a `virsh` of theirs first in its path.
    init(uri: String, directory: CaptureDirectory, environment: [String: String] = [:]) {
        self.uri = uri
        self.file = directory.keeper
        self.environment = environment
    }

    /// To be called before the job begins. Blocks for a moment.
    func keep(guest: String, socket: String) throws {
        try state.withLock { state in
            state.sockets[guest] = socket
            // It may have been killed since: by hand, or for want of memory.
            if state.child?.write(Self.line(guest, socket)) == true { return }
            if let dead = state.child.take() { _ = dead.waitUntilEnd(within: HypervisorLimits.programTime) }
            let child = try start()
            for (guest, socket) in state.sockets { child.write(Self.line(guest, socket)) }
            state.child = consume child
        }
    }

    /// To be called when the guest has no job of ours any more. Blocks for a moment.
    func drop(guest: String) throws {
        try state.withLock { state in
            guard state.sockets.removeValue(forKey: guest) != nil else { return }
            guard state.sockets.isEmpty else {
                state.child?.write("drop \(guest)\n")
                return
            }
            // Without its permission it does nothing when it reads the end.
            try CaptureDirectory.remove(file)
            if let child = state.child.take() { _ = child.waitUntilEnd(within: HypervisorLimits.programTime) }
        }
    }

    /// Leaves the jobs that are still kept to the child.
    func leave() {
        state.withLock { state in
            state.sockets = [:]
            // Not waited for, because it may take as long as libvirt does.
            state.child = nil
        }
    }

    private static func line(_ guest: String, _ socket: String) -> String { "keep \(guest) \(socket)\n" }

    private func start() throws -> ChildProcess {
        let permission = UUID().uuidString
        try Data(permission.utf8).write(to: URL(fileURLWithPath: file))
        let pauses = HypervisorLimits.keeperPauses(isEmbedded: EmbeddedRoot(uri: uri) != nil)
        return try .shell(
            Self.script, [uri, file, permission, pauses.map(String.init).joined(separator: " ")],
            environment: environment)
    }

    /// Ends a job only when it is the one that was kept, as its socket tells, and lets handshakes end first (see
    /// `HandshakeLock`). Asked again after it was told to end, it is done with when libvirt answers that there is no such job,
    /// or another; any other failure is tried again.
    private static let script = """
        uri=$0 file=$1 permission=$2
        declare -A sockets
        while read -r word guest socket; do
          case $word in
            keep) sockets[$guest]=$socket ;;
            drop) unset "sockets[$guest]" ;;
          esac
        done
        may() { [ -e "$file" ] && [ "$(<"$file")" = "$permission" ]; }
        for pause in $3; do
          may || exit 0
          sleep "$pause"
          for guest in "${!sockets[@]}"; do
            may || exit 0
            job=$(timeout -k 5 30 virsh -q -c "$uri" backup-dumpxml "$guest" 2>&1)
            case $job in
              *"${sockets[$guest]}"*)
                may && rm -f "${sockets[$guest]}" || continue
                [ ! -e "${sockets[$guest]}.lock" ] || flock -w \(HandshakeLock.longestHandshake.components.seconds) "${sockets[$guest]}.lock" true
                sleep \(Double(HypervisorLimits.handshakeMicroseconds) / 1_000_000)
                may && timeout -k 5 90 virsh -q -c "$uri" domjobabort "$guest" ;;
              *'<domainbackup'* | *'no domain backup job'* | *'domain is not running'* | *'failed to get domain'*) unset "sockets[$guest]" ;;
            esac
          done
          [ ${#sockets[@]} -gt 0 ] || break
        done >/dev/null 2>&1
        may && rm -f "$file"
        """
}
