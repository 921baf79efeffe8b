package enum CaptureConsistency: String, Sendable, Hashable {
    /// As after a power cut.
    case crash
    /// File systems were frozen at the capture instant, or the guest was shut off cleanly.
    case application
}
