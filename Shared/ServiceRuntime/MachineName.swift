internal import Foundation

/// What this machine calls itself.
package enum MachineName {
    /// The host name; in a container, the name under which others on its networks find it.
    package static var current: String { ProcessInfo.processInfo.hostName }

    /// The endpoint to tell others of: as bound, but this machine's name where every address was bound, because nobody
    /// can connect to that.
    package static func advertised(_ listen: String) -> String {
        for every in ["tcp://0.0.0.0:", "tcp://*:", "tcp://[::]:"] where listen.hasPrefix(every) {
            return "tcp://\(current):\(listen.dropFirst(every.count))"
        }
        return listen
    }
}
