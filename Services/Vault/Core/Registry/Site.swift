/// A place.
struct Site: Hashable, Sendable {
    var name: String
}
