/// Why a local installation could not be started, reached or stopped.
package struct LocalSitesError: Error, CustomStringConvertible, Sendable {
    package enum Code: Sendable {
        /// A program or file of the build is not where it should be.
        case missing
        /// A process could not be started.
        case cannotStart
        /// A process ended when it should be running.
        case ended
        /// Something did not happen in time.
        case late
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
