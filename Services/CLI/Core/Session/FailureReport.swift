import ArgumentParser
import LocalSites
import Messages
import TestGuest

/// How any error that ends a command is told: for people on standard error, for machines as one JSON document there.
package struct FailureReport: Sendable, Equatable {
    package var status: CommandStatus
    package var message: String
    package var remedy: String
    /// As in the protocol when a service said it, else the operator's own code.
    package var code: String
    package var facts: [String: String]

    package init(_ error: any Error) {
        if let error = error as? OperatorError {
            self.init(CommandStatus(error.code), error.message, error.remedy, code: error.code.rawValue, error.facts)
        } else if let error = error as? RemoteError {
            self.init(CommandStatus(error.code), error.message, error.remedy, code: error.code.name, error.facts)
        } else if let error = error as? LocalSitesError {
            self.init(.failed, error.message, error.remedy, code: "failed", [:])
        } else if let error = error as? TestGuestError {
            self.init(.failed, error.message, error.remedy, code: "failed", [:])
        } else if error is CancellationError {
            self.init(.interrupted, "interrupted", "", code: "interrupted", [:])
        } else {
            self.init(.failed, "\(error)", "", code: "failed", [:])
        }
    }

    private init(
        _ status: CommandStatus, _ message: String, _ remedy: String, code: String, _ facts: [String: String]
    ) {
        self.status = status
        self.message = message
        self.remedy = remedy
        self.code = code
        self.facts = facts
    }

    /// `bascule: what happened` and, on a line of its own, what to do next.
    package var lines: [String] {
        let sentence = message.hasSuffix(".") ? String(message.dropLast()) : message
        var lines = ["bascule: \(sentence)."]
        if !remedy.isEmpty { lines.append("  Next: \(remedy.hasSuffix(".") ? remedy : remedy + ".")") }
        return lines
    }

    package var document: FailureDocument {
        FailureDocument(
            error: RemoteErrorRecord(code: code, message: message, remedy: remedy, facts: facts),
            exitStatus: status.rawValue)
    }

    /// The document as one line; nil when even that cannot be written, and then the lines for people have to do.
    package var text: String? {
        do { return try JSONDocument.text(document) } catch { return nil }
    }
}
