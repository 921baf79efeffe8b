/// One disk of the guest at the capture instant. Its position in `DeltaLogHeader.disks` is its number in records.
package struct DeltaLogDisk: Hashable, Sendable {
    /// libvirt's target name, such as `vda`: 1 to 32 bytes of letters, digits, `.`, `_` and `-`.
    package var target: String
    package var sizeBytes: UInt64

    package init(target: String, sizeBytes: UInt64) {
        self.target = target
        self.sizeBytes = sizeBytes
    }

    func checkInvariants() throws(FormatFault) {
        let name = Array(target.utf8)
        try require((1...DeltaLogLimits.targetNameBytes).contains(name.count), .headerDisks)
        try require(name.allSatisfy(Self.isNameByte), .headerDisks)
        try require(sizeBytes != 0 && sizeBytes <= DeltaLogLimits.diskBytes, .headerDisks)
        try require(sizeBytes % DeltaLogLimits.sectorBytes == 0, .headerDisks)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
