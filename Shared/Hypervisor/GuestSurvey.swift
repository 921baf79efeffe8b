/// Describes the guests of a host one by one, so that a detail that one of them hides for a moment loses nobody else's
/// description.
enum GuestSurvey {
    enum Depth: Sendable, Hashable {
        /// Nothing is asked about jobs: libvirt cannot tell of one that begins or ends at this moment, and fails.
        case withoutJobs
        case usual
        /// QEMU is also asked for block jobs, which an inventory every few seconds does not.
        case thorough
    }

    /// By name. A guest that is gone by now is left out. One that can be described without its jobs alone is; `passedOver`
    /// hears why.
    ///
    /// - Throws: what `examine` throws of a guest that cannot be described at all, because without it the list would say
    ///   that the guest is gone; and that the hypervisor is away.
    static func describe<Guest>(
        _ guests: [Guest], examine: (Guest, Depth) throws -> GuestDescription,
        passedOver: (Guest, HypervisorError) -> Void
    ) throws -> [GuestDescription] {
        try guests.compactMap { guest in
            do {
                return try describe(one: guest, examine: examine, passedOver: passedOver)
            } catch let error as HypervisorError where error.code == .guestNotFound {
                // Undefined since it was listed.
                return nil
            }
        }.sorted { $0.name < $1.name }
    }

    /// Without its jobs when they alone cannot be told; `passedOver` hears why.
    ///
    /// - Throws: what `examine` throws of a guest that cannot be described at all, or is gone.
    static func describe<Guest>(
        one guest: Guest, examine: (Guest, Depth) throws -> GuestDescription,
        passedOver: (Guest, HypervisorError) -> Void
    ) throws -> GuestDescription {
        do {
            return try examine(guest, .usual)
        } catch let error as HypervisorError where error.code == .operationFailed || error.code == .timedOut {
            let description = try examine(guest, .withoutJobs)
            passedOver(guest, error)
            return description
        }
    }
}
