/// Every bound of driving a hypervisor, in one place.
package enum HypervisorLimits {
    /// How long file systems may stay frozen. Above the upper bound applications inside the guest time out.
    package static let freezeLimit: ClosedRange<Duration> = .milliseconds(100)...(.seconds(30))
    package static let defaultFreezeLimit: Duration = .seconds(5)

    /// Disks of a guest that are captured together. As many as an agent takes into a replica and the vault into the
    /// registry; a guest with more is refused as a whole, because a point without some of its disks is none.
    package static let disksPerGuest = 64

    /// Changes that a slow reader of `changes()` may be behind; older ones are dropped, because any later one makes it
    /// look again.
    package static let changesBuffered = 256

    /// UEFI variable stores are 64 KiB to 4 MiB; a larger file is not one.
    package static let nvramBytes = 16 << 20

    /// The state of an emulated TPM: its files and all their bytes. Those of swtpm 0.7 take about 10 KiB.
    package static let tpmFiles = 16
    package static let tpmBytes = 1 << 20

    /// What is read of a log that libvirt refers to in an error, and what of it is told.
    package static let errorLogBytes = 8 << 10
    package static let errorLogLines = 2
    package static let errorLogLineCharacters = 200

    /// Nesting of elements in a document from libvirt; its own go to about ten.
    package static let xmlDepth = 64

    /// How long a stock program (qemu-img, qemu-nbd starting up) may take.
    package static let programTime: Duration = .seconds(20)

    /// What is kept of a stock program's output.
    package static let programOutputBytes = 4 << 20

    /// How long after the limit the child process thaws a guest by itself; the thread comes first.
    package static let freezeChildGrace: Duration = .seconds(3)

    /// Attempts at thawing before it is reported as failed; each waits for the guest agent.
    package static let thawAttempts = 2

    /// How often a running capture's scratch files are looked at. At 2 GB/s of guest writes 400 MB are written in
    /// between, less than the reserve.
    package static let scratchWatchInterval: Duration = .milliseconds(200)

    /// Free space that scratch files leave alone: a capture is ended before less is free.
    package static let defaultScratchReserveBytes: UInt64 = 512 << 20

    /// How long a backup job may take to end after it was told to: normally 10 ms. Above the 30 s that libvirt 9.0 stands
    /// still when a guest agent opened or closed its channel during the job and `jobEndPatience` did not help.
    package static let jobEndTime: Duration = .seconds(60)

    /// After how long libvirt is made to look at what became of a backup job that was told to end, and how often.
    package static let jobEndPatience: Duration = .milliseconds(100)

    /// What is left to clients of a capture that is given up, and that hold no `HandshakeLock`, for their handshake with QEMU:
    /// normally 1 ms.
    static let handshakeMicroseconds: UInt32 = 100_000

    /// Seconds between the attempts of the child process that ends the jobs of an agent that died: from at once to half an
    /// hour. An embedded driver lets one process in at a time, which should be the agent when it is started again soon.
    static func keeperPauses(isEmbedded: Bool) -> [Int] {
        [isEmbedded ? 3 : 0, 1, 1, 2, 4, 8] + Array(repeating: 15, count: 120)
    }

    /// How often what a guest is still owed is tried again: to be thawed, or to be rid of a backup job of ours. Often,
    /// because a frozen guest stands still and a job's scratch files grow; not more often, because an agent that does
    /// not answer keeps the guest's turn for `agentAnswerTime` each time.
    package static let settleInterval: Duration = .seconds(2)

    /// How long the end of a job that nobody asked for is waited for before it is tried again: normally 10 ms. Short, because
    /// the guest's next capture waits for its turn meanwhile.
    package static let leftoverTime: Duration = .seconds(2)

    /// How long a start waits for what an earlier run left of a guest; all guests at once. Above `leftoverTime` and
    /// `agentAnswerTime` together; below what anybody would notice, because a guest that hangs takes all of it.
    package static let leftoverWaitTime: Duration = .seconds(5)

    /// Calls into libvirt that run at once; each occupies a thread.
    package static let libvirtThreads = 8

    /// Guests whose debts are seen to at once. Each may hang for good and keeps its thread then, so there are many;
    /// a thread that has nothing to do ends.
    package static let owedThreads = 64

    /// Clients of one qemu-nbd process: workers' connections and one of a checker.
    package static let offlineClients = 64

    /// How long a guest agent may take to say that it is there, before it is frozen through it.
    package static let agentAnswerTime: Duration = .seconds(1)

    /// How long a guest's reads wait for a view whose server ended. A day, because whoever restarts it may have to come
    /// from home first, and an I/O error harms the guest while waiting does not.
    package static let viewReconnectTime: Duration = .seconds(86_400)

    /// How often the power button is pressed while a guest shuts down: a guest that boots hears none, and one that
    /// shuts down already does not mind.
    package static let powerButtonInterval: Duration = .seconds(3)

    /// How often a guest that shuts down is looked at.
    package static let powerPollInterval: Duration = .milliseconds(50)

    /// A UNIX socket's path with its ending zero, because that is the room in `sockaddr_un`.
    package static let socketPathBytes = 108

    /// How long a firmware takes to say its name under KVM; an emulated one takes a second.
    package static let kvmProbeTime: Duration = .seconds(5)
}
