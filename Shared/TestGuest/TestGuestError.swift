/// Why a test guest could not be built, started or understood.
package struct TestGuestError: Error, CustomStringConvertible, Sendable {
    package enum Code: Sendable {
        /// A kernel, compiler or tool is not installed.
        case missing
        /// A tool failed.
        case toolFailed
        /// The guest did not say what was waited for in time.
        case late
        /// The disks hold something else than an unbroken sequence of records.
        case brokenRecords
    }

    package var code: Code
    package var message: String
    package var remedy: String

    package init(_ code: Code, _ message: String, remedy: String) {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package var description: String { "\(message) — \(remedy)" }
}
