/// What went wrong on this host's hypervisor, with the evidence.
package struct HypervisorError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// The hypervisor can not be reached, or the connection was lost.
        case unavailable
        case guestNotFound
        /// This host has another guest of the name or UUID that one was to be given.
        case guestExists
        /// This host can not run the guest: it lacks the machine type, the firmware or the memory.
        case hostUnfit
        /// A guest did not shut down within its limit and runs on.
        case shutdownTimedOut
        /// The guest is not in the state that this needs.
        case wrongPowerState
        /// A rule is broken. Nothing was touched.
        case preflight(PreflightRule)
        /// Changes can not be told any more: compare with the target. `message` says why.
        case needsCompare
        /// The target has nothing to compare with: copy everything. `message` says why.
        case needsFull
        /// The capture that is asked about is not open.
        case captureNotFound
        /// The capture no longer shows the instant it was opened at.
        case captureLost
        /// Space for scratch files is used up, or one could not be made; the guest notices nothing of it.
        case scratchFull
        /// The hypervisor did not answer in time.
        case timedOut
        /// A definition that the hypervisor refuses.
        case invalidDefinition
        /// The hypervisor refused something that should have worked.
        case operationFailed
        /// A program that is needed is absent or failed (qemu-nbd, qemu-img).
        case programFailed
    }

    package let code: Code
    /// One sentence for a person.
    package let message: String
    /// The hypervisor's own words.
    package let cause: String
    /// What to do about it, or empty.
    package let remedy: String

    package init(_ code: Code, _ message: String, cause: String = "", remedy: String = "") {
        self.code = code
        self.message = message
        self.cause = cause
        self.remedy = remedy
    }

    package init(_ finding: Finding) {
        self.init(.preflight(finding.rule), finding.message, remedy: finding.remedy)
    }

    /// The same request may succeed later without anybody doing anything.
    package var isRetryable: Bool {
        switch code {
        case .unavailable, .timedOut, .operationFailed, .programFailed, .scratchFull, .captureLost: true
        case .preflight(let rule): !rule.isBlocking
        // The guest may hear the power button the next time.
        case .shutdownTimedOut: true
        case .guestNotFound, .guestExists, .hostUnfit, .wrongPowerState, .needsCompare, .needsFull, .captureNotFound,
            .invalidDefinition:
            false
        }
    }

    package var description: String {
        cause.isEmpty ? message : "\(message) (\(cause))"
    }
}
