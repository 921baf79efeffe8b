/// A capture that this process opened and has not closed.
struct OpenCapture: Sendable {
    enum Source: Sendable {
        /// A backup job of a running guest, serving on a socket.
        case job(socket: String)
        /// Images of a guest that is off, and what they looked like when they were opened, by disk.
        case images([OfflineExport], [String: ImageFingerprint])
    }

    let protection: String
    let guest: String
    let name: CheckpointName
    let source: Source
    let description: CaptureDescription
    /// Why it no longer shows one instant; nil while it does.
    var loss: HypervisorError?
    /// Watches scratch space; ended and awaited when the capture is closed.
    var watch: Task<Void, Never>?
}
