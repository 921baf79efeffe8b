internal import Glibc

/// How many files this process may have open at once.
///
/// A process usually begins with 1,024 of what it may have, for the sake of programs that use select(2), and a connection
/// that is made takes four: a policy service would reach the first 250 hosts and no other. Nothing here uses select(2).
enum OpenFiles {
    private static let wanted: rlim_t = 65_536

    /// Raises the limit, once in a process. Where that is refused it stays as it was, and a connection too many says so.
    static let allowMore: Void = {
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(files, &limit) == 0, limit.rlim_cur < wanted else { return }
        limit.rlim_cur = min(wanted, limit.rlim_max)
        setrlimit(files, &limit)
    }()
}
