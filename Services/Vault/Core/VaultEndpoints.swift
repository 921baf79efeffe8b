/// Where a running vault is to be found, with the port numbers that were bound.
package struct VaultEndpoints: Hashable, Sendable {
    package var listen: String
    package var publish: String
}
