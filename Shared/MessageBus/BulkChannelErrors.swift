internal import Messages

/// What a bulk channel's own bus tells its owner.
struct BulkChannelErrors: Sendable {
    let endpoint: String

    /// `nameFailure`: why the endpoint's name has no address.
    func unavailable(_ sentence: String, nameFailure: String?) -> RemoteError {
        var facts = ["origin": "caller", "endpoint": endpoint]
        facts["name_not_found"] = nameFailure
        return RemoteError(
            .unavailable, sentence, remedy: "The job is done again as another attempt.", facts: facts)
    }

    /// The answer to `key` did not come in time.
    func late(_ key: BulkQuestions.Key, nameFailure: String?) -> RemoteError {
        switch key {
        case .welcome:
            unavailable("No bulk receiver welcomed the transfer in time.", nameFailure: nameFailure)
        case .hashes, .stored:
            RemoteError(
                .deadlineExceeded, "The bulk receiver did not answer in time.",
                facts: ["origin": "caller", "endpoint": endpoint])
        }
    }
}
