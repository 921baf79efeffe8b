/// Something that must never happen did.
struct WalkViolation: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}
