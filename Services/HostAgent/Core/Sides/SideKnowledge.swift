/// What a host knows of a protection's generations: by its side, and by its replica's manifest. Either may have met one of
/// which the other does not know, and a replica that is kept outlives its side.
package struct SideKnowledge: Sendable, Equatable {
    /// The newest that was met.
    package let generation: UInt64
    /// Whether this host's guest may run at that generation.
    package let isActive: Bool

    /// - Parameter replica: the generation in the replica's manifest; nil: there is none.
    package init(side: SideStateMachine?, replica: UInt64?) {
        let told = side?.generation ?? 0
        let met = replica ?? 0
        generation = max(told, met)
        // Only the other side's commands bring a replica beyond a side that is active.
        isActive = side?.isActive == true && told >= met
    }

    /// The generation that a replica has to know of before its side is forgotten, because whoever recovers it takes the
    /// next one: the newest that is not this side's own. Nil: it knows enough.
    package static func outliving(_ side: SideStateMachine?, releasedAt generation: UInt64) -> UInt64? {
        guard let side, !(side.isActive && side.generation >= generation) else { return nil }
        return max(side.generation, generation)
    }
}
