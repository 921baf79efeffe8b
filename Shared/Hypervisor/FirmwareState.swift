/// What a guest's firmware keeps beside the disks: UEFI variables, and the state of an emulated TPM. Recovery points carry
/// it as one blob.
///
/// Without a TPM the blob is the file of UEFI variables as it is. With one it is
///
/// | bytes | meaning |
/// |---|---|
/// | 8 | magic, `BASCFIRM`; a file of UEFI variables begins with zeros |
/// | 2 | version, 1 |
/// | 2 | number of TPM files |
/// | 4, n | UEFI variables: length, bytes |
/// | for each file: 2, n; 4, n | its name below the guest's TPM directory: length, UTF-8; its content: length, bytes |
///
/// Integers are unsigned and big-endian. Logs and manifests seal the blob, so it has no checksum of its own.
package struct FirmwareState: Sendable, Hashable {
    package static let magic: [UInt8] = Array("BASCFIRM".utf8)
    private static let version: UInt16 = 1

    /// Empty: the guest has none.
    package var variables: [UInt8]
    /// By name below the guest's TPM directory, such as `tpm2/tpm2-00.permall`; empty: it has no emulated TPM.
    package var tpm: [String: [UInt8]]

    package init(variables: [UInt8] = [], tpm: [String: [UInt8]] = [:]) {
        self.variables = variables
        self.tpm = tpm
    }

    /// - Throws: `.operationFailed` when it is larger than a recovery point takes.
    package func encoded() throws -> [UInt8] {
        guard !tpm.isEmpty else { return variables }
        try checkInvariants()
        var bytes = Self.magic
        Self.append(Self.version, to: &bytes)
        Self.append(UInt16(tpm.count), to: &bytes)
        Self.append(UInt32(variables.count), to: &bytes)
        bytes += variables
        for (name, content) in tpm.sorted(by: { $0.key < $1.key }) {
            Self.append(UInt16(name.utf8.count), to: &bytes)
            bytes += Array(name.utf8)
            Self.append(UInt32(content.count), to: &bytes)
            bytes += content
        }
        return bytes
    }

    /// - Throws: `.operationFailed` when the bytes begin as such a blob and are none.
    package init(decoding bytes: [UInt8]) throws {
        guard bytes.starts(with: Self.magic) else {
            self.init(variables: bytes)
            return
        }
        var rest = bytes[Self.magic.count...]
        guard try Self.integer(&rest, UInt16.self) == Self.version else {
            throw Self.damaged("its version is not known")
        }
        let count = try Self.integer(&rest, UInt16.self)
        let variables = try Self.take(Int(try Self.integer(&rest, UInt32.self)), of: &rest)
        var tpm: [String: [UInt8]] = [:]
        for _ in 0..<count {
            let name = try Self.take(Int(try Self.integer(&rest, UInt16.self)), of: &rest)
            let content = try Self.take(Int(try Self.integer(&rest, UInt32.self)), of: &rest)
            guard let name = String(validating: name, as: UTF8.self), tpm.updateValue(content, forKey: name) == nil
            else { throw Self.damaged("a file has no name of its own") }
        }
        guard rest.isEmpty else { throw Self.damaged("bytes follow its last file") }
        self.init(variables: variables, tpm: tpm)
        try checkInvariants()
    }

    /// Called before it is written and after it is read, because names become paths.
    func checkInvariants() throws {
        guard variables.count <= HypervisorLimits.nvramBytes else { throw Self.damaged("its variables are too large") }
        guard tpm.count <= HypervisorLimits.tpmFiles else { throw Self.damaged("its TPM has too many files") }
        guard tpm.values.reduce(0, { $0 + $1.count }) <= HypervisorLimits.tpmBytes else {
            throw Self.damaged("its TPM's state is too large to be one")
        }
        for name in tpm.keys where !Self.isTPMFile(name) { throw Self.damaged("a TPM has no file \(name)") }
    }

    /// `tpm2/…` or `tpm1.2/…`, and then a plain name.
    static func isTPMFile(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, ["tpm2", "tpm1.2"].contains(parts[0]), let first = parts[1].first, first != "." else {
            return false
        }
        return parts[1].utf8.count <= 64
            && parts[1].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
    }

    // MARK: Bytes

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    private static func take(_ count: Int, of rest: inout ArraySlice<UInt8>) throws -> [UInt8] {
        guard count <= rest.count else { throw damaged("it ends too early") }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    private static func integer<Value: FixedWidthInteger>(
        _ rest: inout ArraySlice<UInt8>, _ type: Value.Type
    ) throws -> Value {
        try take(MemoryLayout<Value>.size, of: &rest).reduce(0) { $0 << 8 | Value(truncatingIfNeeded: $1) }
    }

    private static func damaged(_ what: String) -> HypervisorError {
        HypervisorError(.operationFailed, "The state of the guest's firmware can not be used: \(what).")
    }
}
