/// What the disks held at the capture instant, as far as the guest's file systems are concerned. Raw values are stored.
package enum CaptureConsistency: UInt8, Sendable, CaseIterable {
    case crash = 1
    /// File systems were frozen at the capture instant.
    case application = 2
}
