import Messages

/// Names of the walk's guest and hosts.
enum WalkWords {
    static let protectedGuest = "7a11c0de-0000-4000-8000-000000000001"
    static let hosts = ["a0000000-0000-4000-8000-00000000000a", "b0000000-0000-4000-8000-00000000000b"]
    static let silence = RemoteError(
        .deadlineExceeded, "No answer in time.", remedy: "Ask again.", facts: ["origin": "caller"])

    static func endpoint(_ host: Int) -> String { "tcp://127.0.0.1:\(7_000 + host)" }

    static func host(at endpoint: String) -> Int? { (0..<2).first { Self.endpoint($0) == endpoint } }
}
