/// A named group of hosts of one site.
struct Cloud: Hashable, Sendable {
    var name: String
    var site: String
}
