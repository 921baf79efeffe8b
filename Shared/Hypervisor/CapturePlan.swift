import BlockDevice
import Foundation

/// What is asked and of which guest, once preflight has passed.
struct CapturePlan: Sendable {
    let request: CaptureRequest
    let guest: GuestDescription
    /// Targets of disks that are not captured.
    let leftOut: [String]
    /// File of the UEFI variables.
    let nvram: String?
    /// Where the state of its emulated TPM is; nil: it has none that can be carried.
    let tpm: TPMDirectory?

    var name: CheckpointName { CheckpointName(protection: request.protection, cycle: request.cycle) }

    func checkpointDisks() throws -> [CheckpointDisk] {
        try guest.disks.map {
            CheckpointDisk(
                target: $0.target, sizeBytes: $0.sizeBytes, inode: try ImageFingerprint.read($0.source).inode)
        }
    }

    /// UEFI variables and TPM state, as recovery points carry them.
    func firmwareBytes() throws -> [UInt8] {
        try FirmwareState(variables: Self.variables(in: nvram), tpm: tpm?.read() ?? [:]).encoded()
    }

    /// What a file of UEFI variables holds; empty when there is none.
    static func variables(in nvram: String?) throws -> [UInt8] {
        guard let nvram, let data = FileManager.default.contents(atPath: nvram) else { return [] }
        guard data.count <= HypervisorLimits.nvramBytes else {
            throw HypervisorError(.operationFailed, "The file of UEFI variables \(nvram) is too large to be one.")
        }
        return [UInt8](data)
    }
}
