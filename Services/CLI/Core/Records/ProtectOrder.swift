/// What `protect` asks for; nil leaves the choice to the vault.
package struct ProtectOrder: Sendable, Equatable {
    package var guest: String
    package var sourceHost: String?
    package var targetCloud: String?
    package var targetHost: String?
    package var policy: String?

    package init(guest: String) {
        self.guest = guest
    }
}
