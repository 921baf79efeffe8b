/// A protection after `--wait`: its own keys, and `wait` beside them.
package struct WaitedProtection: Sendable, Encodable {
    package var protection: Registry.Protection
    package var wait: WaitRecord

    private enum CodingKeys: String, CodingKey {
        case wait
    }

    package func encode(to encoder: any Encoder) throws {
        try protection.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(wait, forKey: .wait)
    }
}
