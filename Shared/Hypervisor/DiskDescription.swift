/// A disk that is captured. CD-ROMs, floppies, shared and read-only disks are not among them; findings name those.
package struct DiskDescription: Sendable, Hashable {
    /// Name in the guest: vda, sdb.
    package let target: String
    /// Virtual size in bytes; 0 when it could not be read, and then a finding says why.
    package let sizeBytes: UInt64
    /// qcow2, raw.
    package let format: String
    /// File or device on the host.
    package let source: String

    package init(target: String, sizeBytes: UInt64, format: String, source: String) {
        self.target = target
        self.sizeBytes = sizeBytes
        self.format = format
        self.source = source
    }
}
