/// One thing that a host must have, and whether it has.
package struct Prerequisite: Sendable, Hashable {
    package let name: String
    package let isMet: Bool
    /// What was seen.
    package let detail: String
    /// How to mend it; empty when met.
    package let remedy: String

    package init(name: String, isMet: Bool, detail: String, remedy: String = "") {
        self.name = name
        self.isMet = isMet
        self.detail = detail
        self.remedy = remedy
    }
}
