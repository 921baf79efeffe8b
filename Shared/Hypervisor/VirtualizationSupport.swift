import Glibc

/// Whether guests run on the processor itself here. Without it they run under emulation, slowly, and everything else works:
/// a note, and nothing that has to be mended.
enum VirtualizationSupport {
    static func prerequisite(device: String = "/dev/kvm") -> Prerequisite {
        let detail: String
        if let code = errorNumber(of: device) {
            detail = "note: \(device): \(String(cString: strerror(code))); guests run under emulation, which is slow"
        } else {
            detail = "\(device) is there"
        }
        return Prerequisite(name: "KVM", isMet: true, detail: detail)
    }

    /// Why the device is not KVM's, or nil because it answers as that does: in a container of a machine without KVM,
    /// another device is in its place.
    private static func errorNumber(of device: String) -> Int32? {
        // KVM_GET_API_VERSION of <linux/kvm.h>, which the module of the C library does not have.
        let getVersion: UInt = 0xAE00
        let descriptor = open(device, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        return ioctl(descriptor, getVersion, 0) >= 0 ? nil : errno
    }
}
