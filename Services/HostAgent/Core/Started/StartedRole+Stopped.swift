import Hypervisor

/// What the images of a guest looked like when it was stopped by command, also after the agent changed them itself.
extension StartedRole {
    /// In turn with what changes the images here, because a look from before that, kept after it, would say that the
    /// guest ran.
    func noteStopped(_ guest: String, of protection: String) async throws {
        try await lock.withLock(protection) {
            try await store.save(StoppedImages(of: try await hypervisor.describe(guest: guest)), of: protection)
        }
    }

    /// The images of a guest that look otherwise than when it was stopped by command, sorted: it ran again, whoever started
    /// it, or somebody else wrote to them. None, too, where nothing is known of how they looked.
    func changedSinceStop(_ guest: GuestDescription, of protection: String) async throws -> [String] {
        guard let stopped = try await store.stoppedImages(protection) else { return [] }
        return StoppedImages(of: guest).changed(since: stopped)
    }

    /// The same for whoever asks at any time, and does not take what is being changed here for a run of the guest. Waits for
    /// nobody while the images look as they did.
    func changedByOthers(_ guest: GuestDescription, of protection: String) async throws -> [String] {
        guard try await !changedSinceStop(guest, of: protection).isEmpty else { return [] }
        return try await lock.withLock(protection) { try await changedSinceStop(guest, of: protection) }
    }

    /// Changes images of a guest that is off without changing what it sees, and looks at them anew: they are as it left
    /// them. Not when they had been changed before. An agent that is killed meanwhile leaves the old look, which keeps
    /// the disks from being adopted as exactly a point: a refusal too many, and never one too few.
    /// - Precondition: the caller has the protection's lock.
    func changingImages(of guest: String, _ protection: String, _ change: () async throws -> Void) async throws {
        let stopped = try await store.stoppedImages(protection)
        let before = try await describe(guest).map(StoppedImages.init)
        let isUntouched = if let stopped, let before { before.changed(since: stopped).isEmpty } else { false }
        do {
            try await change()
        } catch {
            // Some of it may have been done.
            if isUntouched { try await lookAnew(at: guest, protection) }
            throw error
        }
        if isUntouched { try await lookAnew(at: guest, protection) }
    }

    private func lookAnew(at guest: String, _ protection: String) async throws {
        guard let described = try await describe(guest), !described.power.hasProcess else { return }
        try await store.save(StoppedImages(of: described), of: protection)
    }
}
