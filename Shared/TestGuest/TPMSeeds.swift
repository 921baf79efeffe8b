import Foundation

/// What makes an emulated TPM the one that it is: the secrets in the permanent state that swtpm keeps of it.
package struct TPMSeeds: Sendable, Equatable {
    /// Where they lie, and what they are: its seeds and the proofs beside them, some 400 bytes.
    package let secrets: [Range<Int>: [UInt8]]

    /// Found by comparing with another new TPM: where both differ for more than 64 bytes. Counters are shorter, and so is
    /// the state of its random numbers (48 bytes), which an orderly shutdown writes anew.
    ///
    /// - Parameters:
    ///   - state: the bytes of `tpm2-00.permall`.
    ///   - folder: for the other TPM; made.
    /// - Throws: `TestGuestError` when `swtpm_setup` fails, or whatever reading its file throws.
    package init(of state: [UInt8], beside folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Tool.run(["swtpm_setup", "--tpm2", "--tpmstate", folder, "--overwrite"])
        let other = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/tpm2-00.permall")))
        var secrets: [Range<Int>: [UInt8]] = [:]
        var start: Int?
        var equal = 0
        for index in 0..<min(state.count, other.count) {
            if state[index] != other[index] {
                start = start ?? index
                equal = 0
            } else if let began = start {
                // Two of 256 random bytes are equal by chance.
                equal += 1
                guard equal > 2 else { continue }
                let end = index + 1 - equal
                if end - began > 64 { secrets[began..<end] = Array(state[began..<end]) }
                start = nil
                equal = 0
            }
        }
        self.secrets = secrets
    }

    package var count: Int { secrets.values.reduce(0) { $0 + $1.count } }

    /// Whether a permanent state is of the same TPM, whatever it counted since.
    package func areIn(_ state: [UInt8]) -> Bool {
        secrets.allSatisfy { range, secret in range.upperBound <= state.count && Array(state[range]) == secret }
    }
}
