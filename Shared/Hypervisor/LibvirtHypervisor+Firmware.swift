import Foundation

/// UEFI variables and TPM state of guests of this host.
extension LibvirtHypervisor {
    package func firmware(of guest: String) async throws -> [UInt8] {
        try await call { [self] connection in
            let document = try DomainDocument(parsing: connection.domain(guest).xml(inactive: true))
            return try FirmwareState(
                variables: CapturePlan.variables(in: document.nvram), tpm: tpmDirectory(of: document)?.read() ?? [:]
            ).encoded()
        }
    }

    package func setFirmware(_ bytes: [UInt8], of guest: String) async throws {
        let firmware = try FirmwareState(decoding: bytes)
        try await turns.take(guest) {
            try await call { [self] connection in
                let domain = try connection.domain(guest)
                guard try !domain.power().state.hasProcess else { throw HypervisorError.runs(name: domain.name) }
                let document = try DomainDocument(parsing: domain.xml(inactive: true))
                if let nvram = document.nvram, !firmware.variables.isEmpty {
                    try Self.replace(nvram, with: firmware.variables)
                }
                if let tpm = tpmDirectory(of: document), !firmware.tpm.isEmpty {
                    try tpm.replace(with: firmware.tpm)
                }
            }
        }
    }

    /// Nil where there is no state that another host could use.
    func tpmDirectory(of document: DomainDocument) -> TPMDirectory? {
        switch document.tpm {
        case .emulated: TPMDirectory(uri: settings.uri, guest: document.uuid)
        case .none, .encrypted, .elsewhere: nil
        }
    }

    /// In the file that is there, because its owner and mode are as libvirt wants them.
    private static func replace(_ file: String, with bytes: [UInt8]) throws {
        do {
            if FileManager.default.fileExists(atPath: file) {
                let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
                try handle.truncate(atOffset: 0)
                try handle.write(contentsOf: Data(bytes))
                try handle.synchronize()
                try handle.close()
            } else {
                try Data(bytes).write(to: URL(fileURLWithPath: file), options: .atomic)
            }
        } catch {
            throw HypervisorError(
                .operationFailed, "The file of UEFI variables \(file) can not be written.", cause: "\(error)")
        }
    }
}
