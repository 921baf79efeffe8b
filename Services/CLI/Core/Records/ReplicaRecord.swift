/// A replica directory as its agent describes it.
package struct ReplicaRecord: Sendable, Equatable, Codable {
    package var protection: String
    package var guest: String
    package var generation: UInt64
    package var baseCycle: UInt64
    /// 0: no committed point.
    package var newestCycle: UInt64
    package var points: UInt32
    package var baseBytes: UInt64
    package var journalBytes: UInt64
    package var disks: [Registry.Disk]
    /// 0: none.
    package var openCycle: UInt64
    /// Why no point counts as verified; nil: it is known which do.
    package var verificationFault: String?
}
