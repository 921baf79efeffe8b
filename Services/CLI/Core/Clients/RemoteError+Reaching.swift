package import Messages

extension RemoteError {
    /// The same error, saying which service could not be reached and how to name another, when nobody was reached;
    /// what a service itself said stays as it is.
    package func reaching(_ service: String, at endpoint: String, option: String?) -> RemoteError {
        guard facts["origin"] == "caller", code == .unavailable || code == .deadlineExceeded else { return self }
        let other = option.map { ", or name another endpoint with \($0)" } ?? ""
        return RemoteError(
            code, "\(service) does not answer at \(endpoint)", remedy: "see that it runs there\(other)",
            retryable: retryable, facts: facts)
    }
}
