import Logging

/// Sides of protections that are over: their guests are nobody's but their owners', and nothing fences them any more.
extension SideRole {
    /// The protection is being ended: its source was released, or its replica deleted. Remembered across restarts, because
    /// the side goes only with the next answer of the vault.
    func end(_ protection: String) async throws {
        try await lock.withLock(protection) {
            guard sides[protection] != nil else { return }
            try await store.markEnded(protection)
            ended.insert(protection)
        }
    }

    /// A side goes when it was ended and the vault no longer names it. It goes, too, when the vault names its guest under
    /// another protection: a guest has one, so this one is over, whoever failed to say so here.
    func forgetWhatIsOver(_ duties: [String: SideStateMachine.Order]) async {
        let guests = Set(duties.values.filter { $0.generation > 0 }.map(\.guest))
        let over = sides.filter { protection, side in
            duties[protection] == nil && (ended.contains(protection) || guests.contains(side.guest))
        }
        for protection in over.keys.sorted() {
            do {
                try await forget(protection)
                logger.notice("side forgotten", metadata: ["protection": "\(protection)"])
            } catch {
                logger.error("side not forgotten", metadata: ["protection": "\(protection)", "error": "\(error)"])
            }
        }
    }

    private func forget(_ protection: String) async throws {
        try await lock.withLock(protection) {
            try await store.removeSide(of: protection)
            sides[protection] = nil
            alarms[protection] = nil
            ended.remove(protection)
        }
    }
}
