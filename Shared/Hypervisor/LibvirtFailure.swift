import CLibvirt

/// libvirt's last error of the calling thread, read in the same synchronous function that saw a call fail.
struct LibvirtFailure: Error, Sendable, CustomStringConvertible {
    let code: UInt32
    let words: String

    static func last() -> LibvirtFailure {
        guard let error = virGetLastError() else {
            return LibvirtFailure(code: VIR_ERR_OK.rawValue, words: "libvirt gave no reason")
        }
        return LibvirtFailure(
            code: UInt32(bitPattern: error.pointee.code),
            words: error.pointee.message.map { String(cString: $0) } ?? "")
    }

    func `is`(_ code: virErrorNumber) -> Bool { self.code == code.rawValue }

    var description: String { words }

    /// As an error of this library: `doing` is the sentence, libvirt's words are the cause.
    func whileDoing(_ doing: String) -> HypervisorError {
        let code: HypervisorError.Code =
            switch self.code {
            case VIR_ERR_NO_DOMAIN.rawValue: .guestNotFound
            case VIR_ERR_OPERATION_TIMEOUT.rawValue, VIR_ERR_AGENT_UNRESPONSIVE.rawValue: .timedOut
            case VIR_ERR_NO_CONNECT.rawValue, VIR_ERR_RPC.rawValue, VIR_ERR_AUTH_FAILED.rawValue,
                VIR_ERR_INVALID_CONN.rawValue:
                .unavailable
            case VIR_ERR_OPERATION_INVALID.rawValue: .wrongPowerState
            case VIR_ERR_XML_ERROR.rawValue, VIR_ERR_XML_DETAIL.rawValue, VIR_ERR_XML_INVALID_SCHEMA.rawValue:
                .invalidDefinition
            default: .operationFailed
            }
        return HypervisorError(code, doing, cause: NamedErrorLog.completing(words))
    }
}
