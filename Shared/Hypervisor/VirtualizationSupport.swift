import Glibc

/// Whether guests run on the processor itself here. Without it they run under emulation, slowly, and everything else works:
/// a note, and nothing that has to be mended.
enum VirtualizationSupport {
    static func prerequisite(device: String = "/dev/kvm") -> Prerequisite {
        let detail: String
        if access(device, R_OK | W_OK) == 0 {
            detail = "\(device) is there"
        } else {
            detail = "note: \(device): \(String(cString: strerror(errno))); guests run under emulation, which is slow"
        }
        return Prerequisite(name: "KVM", isMet: true, detail: detail)
    }
}
