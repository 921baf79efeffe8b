/// What an operator sets.
package struct VaultSettings: Sendable {
    /// Directory of the database; made when it does not exist.
    package var state: String
    /// Where requests are answered.
    package var listen: String
    /// Where events are published.
    package var publish: String

    package init(
        state: String, listen: String = "tcp://127.0.0.1:7701", publish: String = "tcp://127.0.0.1:7702"
    ) {
        self.state = state
        self.listen = listen
        self.publish = publish
    }
}
