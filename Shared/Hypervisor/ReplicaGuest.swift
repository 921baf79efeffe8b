/// A guest that was started from a recovery point, or on adopted disks.
package struct ReplicaGuest: Sendable, Hashable {
    package let uuid: String
    package let name: String
    /// One sentence for each thing of the source's definition that this host can not give, or gives in another way.
    package let warnings: [String]
    /// When it executed its first instruction, by this host's clock.
    package let runningUnixMilliseconds: Int64

    package init(uuid: String, name: String, warnings: [String], runningUnixMilliseconds: Int64) {
        self.uuid = uuid
        self.name = name
        self.warnings = warnings
        self.runningUnixMilliseconds = runningUnixMilliseconds
    }
}
