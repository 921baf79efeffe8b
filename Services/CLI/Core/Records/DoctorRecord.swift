/// One check of a host's prerequisites.
package struct DoctorRecord: Sendable, Equatable, Codable {
    package var host: String
    package var name: String
    package var passed: Bool
    package var detail: String
    /// How to mend it; empty when it passed.
    package var remedy: String
}
