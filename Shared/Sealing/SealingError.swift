/// What went wrong while sealing, opening, hashing or packing bytes.
package struct SealingError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The tag does not fit the bytes, the header, the nonce or the key.
        case authentication
        /// A key, nonce, salt or tag of the wrong size.
        case invalidLength
        /// Packed bytes that do not unpack to the stated length.
        case unpacking
        /// The underlying library refused; the bytes are not to blame.
        case library
    }

    package var code: Code
    /// One sentence for a person; never holds a key or disk content.
    package var message: String
    /// The library's own words, when it has any.
    package var cause: String?

    package init(_ code: Code, _ message: String, cause: String? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String {
        "\(code.rawValue): \(message)" + (cause.map { " (\($0))" } ?? "")
    }
}
