/// An image that an overlay is put upon.
package struct BaseImageFile: Sendable, Hashable {
    package var path: String
    /// As QEMU names it. It is said and never guessed, because what a guest writes into a raw image may look like a header.
    package var format: String

    package init(path: String, format: String) {
        self.path = path
        self.format = format
    }
}
