extension BulkHello {
    static let tokenBytes = 16
    static let jobBytes = 16

    /// Token, then job.
    var body: [UInt8] {
        precondition(token.count == Self.tokenBytes && job.count == Self.jobBytes, "a hello with a wrong token or job")
        return token + job
    }

    /// Nil when the body has another length.
    init?(body: [UInt8], attempt: UInt32) {
        guard body.count == Self.tokenBytes + Self.jobBytes else { return nil }
        self.init(
            token: Array(body.prefix(Self.tokenBytes)), job: Array(body.suffix(Self.jobBytes)), attempt: attempt)
    }
}

extension BulkHello {
    /// An attempt is unique within the cycle that the token stands for.
    func isSameAttempt(as other: BulkHello) -> Bool { token == other.token && attempt == other.attempt }
}
