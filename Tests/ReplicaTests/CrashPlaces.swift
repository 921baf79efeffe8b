@testable import Replica

/// The failpoints that a crash test stops at, apart from those of `CrashScenario`. The tests take their arguments from
/// here, so that a failpoint that none of them names is seen.
enum CrashPlaces {
    /// Before the manifest, so that there is no replica yet.
    static let ofCreation: [Failpoint] = [.createDirectories, .createKey, .manifestWritten]
    /// With the manifest: it is one, whatever was answered.
    static let ofCreationThatIsDone: [Failpoint] = [.manifestRenamed, .createManifest]
    /// Beside those of a creation.
    static let ofAdoption: [Failpoint] = [.divergenceWritten, .looksWritten, .looksRenamed]
    /// Of a fold into adopted images.
    static let ofOwnWriting: [Failpoint] = [
        .imageAnnounced, .foldDiskWritten, .looksWritten, .looksRenamed, .imageNoted, .foldSynced,
    ]
    static let ofDeletion: [Failpoint] = [.deleteRenamed, .deleteFileRemoved]
    static let ofSettling: [Failpoint] = [
        .manifestWritten, .manifestRenamed, .settleAnnounced, .leftoverRemoved, .settleLogsRemoved,
    ]
    static let ofAbsorption: [Failpoint] = [
        .absorbStarted, .absorbDiskWritten, .absorbWritten, .absorbSettled, .absorbOverlayRemoved,
    ]
    static let ofHandingOver: [Failpoint] = [.manifestWritten, .handedOver]
    static let ofAddedDisks: [Failpoint] = [.addedDiskLinked]
    static let ofSettingAside: [Failpoint] = [.logSetAside, .manifestWritten, .manifestRenamed]

    static let all = Set(
        ofCreation + ofCreationThatIsDone + ofAdoption + ofOwnWriting + ofDeletion + ofSettling + ofAbsorption
            + ofHandingOver
            + ofAddedDisks + ofSettingAside + CrashScenario.all.flatMap(\.passes))
}
