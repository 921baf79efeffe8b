/// Every bound of driving a hypervisor, in one place.
package enum HypervisorLimits {
    /// How long file systems may stay frozen. Above the upper bound applications inside the guest time out.
    package static let freezeLimit: ClosedRange<Duration> = .milliseconds(100)...(.seconds(30))
    package static let defaultFreezeLimit: Duration = .seconds(5)

    /// Changes that a slow reader of `changes()` may be behind; older ones are dropped, because any later one makes it
    /// look again.
    package static let changesBuffered = 256

    /// UEFI variable stores are 64 KiB to 4 MiB; a larger file is not one.
    package static let nvramBytes = 16 << 20

    /// Nesting of elements in a document from libvirt; its own go to about ten.
    package static let xmlDepth = 64
}
