import Glibc

/// An endpoint to connect to, as its owner wrote it.
enum PeerEndpoint: Equatable, Sendable {
    /// libzmq takes it as it is: a numeric address, or a path. So is what libzmq will refuse, for the words it has for it.
    case fixed(String)
    /// A name, to be looked up first.
    case named(host: String, port: String)

    init(_ endpoint: String) {
        let scheme = "tcp://"
        guard endpoint.hasPrefix(scheme), let colon = endpoint.lastIndex(of: ":") else {
            self = .fixed(endpoint)
            return
        }
        let host = String(endpoint[endpoint.index(endpoint.startIndex, offsetBy: scheme.count)...].prefix { $0 != ":" })
        let port = String(endpoint[endpoint.index(after: colon)...])
        let isName = !host.isEmpty && host.utf8.allSatisfy(Self.belongsInName) && !Self.isNumeric(host)
        // Longer ones, such as an IPv6 address or one with a source in front, hold more than one colon or a semicolon.
        let isPort = port.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard isName, isPort, endpoint == "\(scheme)\(host):\(port)", let number = UInt16(port), number > 0 else {
            self = .fixed(endpoint)
            return
        }
        self = .named(host: host, port: port)
    }

    private static func belongsInName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private static func isNumeric(_ host: String) -> Bool {
        var address = in_addr()
        return inet_pton(AF_INET, host, &address) == 1
    }
}
