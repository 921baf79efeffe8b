import Glibc

/// The evidence of a failed system call: made right after it, before anything else can change `errno`.
package struct SystemCallFailure: Error, Sendable, CustomStringConvertible {
    package let call: String
    package let path: String
    package let number: Int32

    init(_ call: String, path: String, number: Int32 = errno) {
        self.call = call
        self.path = path
        self.number = number
    }

    package var description: String { "\(call) \(path): \(String(cString: strerror(number)))" }

    var replicaError: ReplicaError {
        switch number {
        case ENOENT:
            ReplicaError(
                .notFound, "a file of the replica is missing", remedy: "Check the path and that the replica is whole.",
                facts: ["path": path], cause: self)
        case ENOSPC, EDQUOT:
            ReplicaError(
                .spaceExhausted, "the file system of the replica is full",
                remedy: "Free space there, or shorten the policy's retention.", facts: ["path": path], cause: self)
        default:
            ReplicaError(
                .system, "the operating system refused a file operation at \(path): \(self)",
                remedy: "Check permissions and the health of the storage.", facts: ["path": path],
                cause: self)
        }
    }
}
