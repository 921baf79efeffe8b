/// A broken rule, found before anything was touched.
package struct Finding: Sendable, Hashable {
    package let rule: PreflightRule
    /// The disk or device it is about, or empty for the guest as a whole.
    package let subject: String
    package let message: String
    package let remedy: String

    package init(_ rule: PreflightRule, subject: String, message: String, remedy: String) {
        self.rule = rule
        self.subject = subject
        self.message = message
        self.remedy = remedy
    }

    package var isBlocking: Bool { rule.isBlocking }
}
