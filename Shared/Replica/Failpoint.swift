/// A named place between two durable steps. Tests stop the library there, because a crash at each of them must leave a
/// replica whose listed points are exactly right.
package enum Failpoint: String, Sendable, CaseIterable {
    case createDirectories
    case createKey
    case createManifest
    case divergenceWritten

    case manifestWritten
    case manifestRenamed

    case verifiedWritten
    case verifiedRenamed

    case looksWritten
    case looksRenamed
    case imageAnnounced
    case imageNoted

    case cycleOpened
    case commitFinished
    case commitRenamed
    case commitSynced
    case abortStarted

    case foldStarted
    case foldDiskWritten
    case foldWritten
    case foldSynced
    case foldSettled

    case mergeWritten
    case mergeRenamed
    case mergeSynced
    case leftoverRemoved

    case settleAnnounced
    case settleLogsRemoved

    case absorbStarted
    case absorbDiskWritten
    case absorbWritten
    case absorbSettled
    case absorbOverlayRemoved

    case addedDiskLinked
    case handedOver

    case logSetAside

    case deleteRenamed
    case deleteFileRemoved
}

/// What happens at a failpoint: nothing, outside tests. One optional call, cheap enough to be compiled always.
package struct FailpointHook: Sendable {
    package static let none = FailpointHook(action: nil)

    private let action: (@Sendable (Failpoint) throws -> Void)?

    /// - Parameter action: called at every failpoint; throwing from it abandons the operation there, as a crash would.
    package init(action: (@Sendable (Failpoint) throws -> Void)?) {
        self.action = action
    }

    func reach(_ failpoint: Failpoint) throws {
        if let action { try action(failpoint) }
    }
}
