/// An image that an overlay is put upon.
package struct BaseImageFile: Sendable, Hashable {
    package var path: String
    /// As QEMU names it. It is said and never guessed, because what a guest writes into a raw image may look like a header.
    package var format: String
    /// Of the disk at the point that the image holds. The overlay may have another size by now.
    package var sizeBytes: UInt64

    package init(path: String, format: String, sizeBytes: UInt64) {
        self.path = path
        self.format = format
        self.sizeBytes = sizeBytes
    }
}
