import Glibc
import Hypervisor

/// Whether another user can pass to a directory, which takes the right to enter every folder above it, too.
struct Passage: Sendable, Hashable {
    let user: UInt32
    let group: UInt32

    /// The uppermost folder of `path` that the user cannot enter; nil when nothing is in the way. Asks as that user, so
    /// that access lists and groups count. Blocks; only root may ask.
    /// - Throws: `HypervisorError` when `setpriv` is not there.
    func obstacle(to path: String) throws -> String? {
        var folder = ""
        for name in path.split(separator: "/") {
            folder += "/\(name)"
            guard try canEnter(folder) else { return folder }
        }
        return nil
    }

    private func canEnter(_ folder: String) throws -> Bool {
        let groups = getpwuid(user) == nil ? "--clear-groups" : "--init-groups"
        let identity = ["--reuid", "\(user)", "--regid", "\(group)", groups]
        let result = try ChildProcess("setpriv", identity + ["test", "-x", folder]).waitUntilEnd(
            within: HypervisorLimits.programTime)
        // `test` says no with 1; anything else is setpriv's own trouble.
        guard !result.isLate, result.exitCode == 0 || result.exitCode == 1 else {
            throw HypervisorError(
                .programFailed, "setpriv could not ask as user \(user).", cause: String(result.output.prefix(200)))
        }
        return result.exitCode == 0
    }
}
