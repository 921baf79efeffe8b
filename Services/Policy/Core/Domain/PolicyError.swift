/// What went wrong, in this service or at a peer it asked.
struct PolicyError: Error, Hashable, Sendable {
    /// The protocol's codes; `common.proto` says what each means.
    enum Code: String, Sendable, CaseIterable {
        case invalidArgument, notFound, alreadyExists, conflict, staleGeneration, wrongParent, failedPrecondition
        case resourceExhausted, unavailable, deadlineExceeded, unsupportedVersion, unimplemented, corruptData
        case leaseLost, `internal`
    }

    var code: Code
    var message: String
    var remedy: String
    var facts: [String: String]

    init(_ code: Code, _ message: String, remedy: String = "", facts: [String: String] = [:]) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.facts = facts
    }

    /// Whether the peer said that it did not do it. Silence, lost deadlines and a peer's own faults leave that open.
    var isRefusal: Bool {
        switch code {
        case .invalidArgument, .notFound, .alreadyExists, .conflict, .staleGeneration, .wrongParent,
            .failedPrecondition, .resourceExhausted, .unsupportedVersion, .unimplemented, .corruptData, .leaseLost:
            true
        case .unavailable, .deadlineExceeded, .internal:
            false
        }
    }

    /// Whether the peer said it, so that the peer is there; else it is what silence looks like from here.
    var wasSaid: Bool {
        switch code {
        case .unavailable, .deadlineExceeded: facts["host"] != nil
        case .invalidArgument, .notFound, .alreadyExists, .conflict, .staleGeneration, .wrongParent,
            .failedPrecondition, .resourceExhausted, .unsupportedVersion, .unimplemented, .corruptData, .leaseLost,
            .internal:
            true
        }
    }

    /// With the evidence in the sentence, because a status and a history have no place for facts; and with whose words
    /// they are. What this side's own bus says in a peer's place stays as it is: it names the endpoint.
    func said(by host: String) -> PolicyError {
        guard facts["origin"] != "caller" else { return self }
        var told = self
        told.facts["host"] = host
        let evidence = ["cause", "fault"].compactMap { facts[$0] }.filter { !$0.isEmpty && !message.contains($0) }
        var sentence = ([message] + evidence).map(\.withoutFullStop).joined(separator: ": ")
        let places = ["path", "directory"].compactMap { facts[$0] }.filter { !$0.isEmpty && !sentence.contains($0) }
        if !places.isEmpty { sentence += " (\(places.joined(separator: ", ")))" }
        told.message = "Host \(host): \(sentence.asSentence)"
        return told
    }

    /// Whether asking the same again later can succeed.
    var isRetryable: Bool {
        switch code {
        case .resourceExhausted, .unavailable, .deadlineExceeded, .conflict: true
        case .invalidArgument, .notFound, .alreadyExists, .staleGeneration, .wrongParent, .failedPrecondition,
            .unsupportedVersion, .unimplemented, .corruptData, .leaseLost, .internal:
            false
        }
    }
}

extension PolicyError: CustomStringConvertible {
    var description: String { remedy.isEmpty ? "\(message) [\(code)]" : "\(message) [\(code)] \(remedy)" }
}

extension String {
    /// Ends with a full stop, as what a remedy follows has to.
    var asSentence: String { isEmpty || hasSuffix(".") ? self : self + "." }

    fileprivate var withoutFullStop: String { hasSuffix(".") ? String(dropLast()) : self }
}
