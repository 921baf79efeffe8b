package enum PowerState: String, Sendable, Hashable, CaseIterable {
    case running
    case paused
    case shutOff
    case crashed

    /// A QEMU process exists: disks are captured through it.
    package var hasProcess: Bool {
        switch self {
        case .running, .paused: true
        case .shutOff, .crashed: false
        }
    }
}
