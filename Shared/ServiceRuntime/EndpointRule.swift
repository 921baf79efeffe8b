/// Which endpoints a service may bind or connect to.
///
/// Rule: what other machines can reach is refused. Reason: nothing proves yet who speaks there, and who reaches a
/// service commands it. Advice: keep services on one machine, or on a network that nobody else is on, and then say so
/// with `insecureNetwork`. Consequence: a service never becomes open by accident.
package enum EndpointRule {
    package static func check(_ endpoint: String, of setting: String, allowsNetwork: Bool) throws {
        if endpoint.hasPrefix("ipc://") || endpoint.hasPrefix("inproc://") { return }
        guard endpoint.hasPrefix("tcp://"), let colon = endpoint.lastIndex(of: ":"),
            colon > endpoint.index(endpoint.startIndex, offsetBy: 6), isPort(endpoint[endpoint.index(after: colon)...])
        else {
            throw ServiceSettingsError(
                .badValue, "The setting “\(setting)” is “\(endpoint.prefix(80))”, which is not an endpoint.",
                remedy: "Write tcp://address:port.")
        }
        let address = endpoint[..<colon].dropFirst("tcp://".count)
        guard allowsNetwork || isLoopback(address) else {
            throw ServiceSettingsError(
                .insecureEndpoint,
                "The endpoint \(endpoint) of “\(setting)” can be reached from other machines, and nothing proves yet "
                    + "who speaks there.",
                remedy: "Use 127.0.0.1, or set insecureNetwork: true on a network that nobody else is on.")
        }
    }

    /// A number, or `*` for any that is free.
    private static func isPort(_ text: Substring) -> Bool {
        text == "*" || (UInt16(text).map { $0 > 0 } ?? false)
    }

    private static func isLoopback(_ address: Substring) -> Bool {
        if address == "localhost" || address == "[::1]" { return true }
        let parts = address.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
