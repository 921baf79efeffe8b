import BlockDevice
import Synchronization

/// Sees to it that a guest that is frozen is thawed, whatever happens.
///
/// Three guards, the next one for when the one before is gone:
/// 1. `thaw()` by the one who froze, normally within a tenth of a second;
/// 2. a thread of this process when the limit passes, even while another call into libvirt hangs;
/// 3. a small child process, when this process dies: it reads from a socket that we hold, sees its end, and thaws the
///    guest through `virsh`. It tries for a minute, because libvirt's embedded driver lets it in only when this process
///    is wholly gone. It also acts by itself some time after the limit.
///
/// libvirt treats calls to the guest agent and backup jobs as different kinds of job, so thawing works while the other
/// hangs.
final class FreezeWatchdog: Sendable {
    private enum Phase {
        case starting
        case notStarted(HypervisorError)
        case armed
        /// The limit passed, and the thread thawed or tried to.
        case fired
        /// `thaw()` is done with it. When it failed, the child goes on trying.
        case ended(isThawed: Bool)
    }

    private let phase = Mutex(Phase.starting)
    private let started = EventDescriptor()
    private let ended = EventDescriptor()
    private let thawGuest: @Sendable () throws -> Void

    /// Arms it; to be called before the guest is frozen. Blocks for a moment.
    ///
    /// - Parameter thawGuest: blocks until the guest is thawed, or throws; called from any thread.
    init(uri: String, guest: String, limit: Duration, thawGuest: @escaping @Sendable () throws -> Void) throws {
        self.thawGuest = thawGuest
        DedicatedThread.start(name: "bascule-freeze") { [self] in watch(uri: uri, guest: guest, limit: limit) }
        _ = started.wait(atMost: HypervisorLimits.programTime)
        try phase.withLock { phase in
            switch phase {
            case .notStarted(let error): throw error
            case .starting: throw HypervisorError(.timedOut, "The freeze watchdog did not start.")
            case .armed, .fired, .ended: break
            }
        }
    }

    /// Thaws the guest, also when the watchdog did, because its attempt may have failed and twice does no harm. Blocks.
    ///
    /// - Returns: whether the limit had not passed before.
    func thaw() throws -> Bool {
        let wasInTime = phase.withLock { phase in if case .armed = phase { true } else { false } }
        do {
            try thawRepeatedly()
        } catch {
            end(isThawed: false)
            throw error
        }
        end(isThawed: true)
        return wasInTime
    }

    /// Whether the limit passed.
    var hasFired: Bool { phase.withLock { if case .fired = $0 { true } else { false } } }

    private func end(isThawed: Bool) {
        phase.withLock { $0 = .ended(isThawed: isThawed) }
        ended.signal()
    }

    private func watch(uri: String, guest: String, limit: Duration) {
        let seconds = Int((limit + HypervisorLimits.freezeChildGrace).components.seconds)
        // virsh is asked several times within one connection, because the embedded driver reaches the guest's agent only
        // a moment after it opened. Its answer is looked at and not its exit code, which says nothing for input.
        let script = """
            uri=$0 guest=$1
            if read -r -t \(seconds) word && [ "$word" = thawed ]; then exit 0; fi
            for try in 1 2 3 4 5; do
              for pause in 0.2 1 1 2 2 4; do sleep $pause; echo "domfsthaw $guest"; done 2>/dev/null \\
                | virsh -c "$uri" 2>/dev/null | grep -q 'Thawed ' && exit 0
            done
            """
        do {
            let child = try ChildProcess.shell(script, [uri, guest])
            phase.withLock { $0 = .armed }
            started.signal()
            if !ended.wait(atMost: limit) { fire() }
            _ = ended.wait(atMost: HypervisorLimits.freezeLimit.upperBound)
            let isThawed = phase.withLock { if case .ended(isThawed: true) = $0 { true } else { false } }
            // Not being told, the child sees the end of its input and thaws.
            if isThawed { child.write("thawed\n") }
            _ = child.waitUntilEnd(within: HypervisorLimits.freezeLimit.upperBound + HypervisorLimits.programTime)
        } catch {
            let failure = error as? HypervisorError ?? HypervisorError(.programFailed, "\(error)")
            phase.withLock { $0 = .notStarted(failure) }
            started.signal()
        }
    }

    private func fire() {
        let fires = phase.withLock { phase in
            guard case .armed = phase else { return false }
            phase = .fired
            return true
        }
        guard fires else { return }
        do {
            try thawRepeatedly()
        } catch {
            // `thaw()` tries again and reports it, and the child tries after both.
        }
    }

    private func thawRepeatedly() throws {
        for attempt in 1...HypervisorLimits.thawAttempts {
            do {
                return try thawGuest()
            } catch  where attempt < HypervisorLimits.thawAttempts {
                // The agent may have been busy freezing; each attempt waits for it.
            }
        }
    }
}
