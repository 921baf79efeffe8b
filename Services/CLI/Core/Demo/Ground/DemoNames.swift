/// What the two sites are called.
struct DemoNames: Sendable, Equatable {
    var primaryCloud = "primary-cloud"
    var secondaryCloud = "secondary-cloud"
    var secondaryHost = "secondary"
}
