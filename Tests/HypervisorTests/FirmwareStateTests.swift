import Foundation
import Testing

@testable import Hypervisor

@Suite struct FirmwareStateTests {
    private let example = FirmwareState(
        variables: [0, 1, 2], tpm: ["tpm2/tpm2-00.permall": [9, 8], "tpm2/tpm2-00.volatilestate": []])

    @Test func theFirstFormatStaysReadable() throws {
        let golden: [UInt8] =
            Array("BASCFIRM".utf8) + [0, 1, 0, 2, 0, 0, 0, 3, 0, 1, 2, 0, 20]
            + Array("tpm2/tpm2-00.permall".utf8) + [0, 0, 0, 2, 9, 8, 0, 26]
            + Array("tpm2/tpm2-00.volatilestate".utf8) + [0, 0, 0, 0]
        #expect(try example.encoded() == golden)
        #expect(try FirmwareState(decoding: golden) == example)
    }

    /// What points of before hold, and what those of guests without a TPM hold still.
    @Test func variablesAloneAreTheirFile() throws {
        for variables in [[], [0, 0, 1], Array(repeating: 7, count: 100)] as [[UInt8]] {
            #expect(try FirmwareState(variables: variables).encoded() == variables)
            #expect(try FirmwareState(decoding: variables) == FirmwareState(variables: variables))
        }
    }

    @Test func whatEndsTooEarlyOrTooLateIsRefused() throws {
        let whole = try example.encoded()
        for count in FirmwareState.magic.count..<whole.count {
            #expect(throws: HypervisorError.self) { try FirmwareState(decoding: Array(whole.prefix(count))) }
        }
        #expect(throws: HypervisorError.self) { try FirmwareState(decoding: whole + [0]) }
    }

    /// Names become paths of this host.
    @Test(arguments: ["tpm2/../../etc/passwd", "/tpm2/a", "tpm2/.lock", "tpm2/", "tpm3/a", "a", "tpm2/a/b", "tpm2/a b"])
    func otherNamesAreRefused(name: String) throws {
        #expect(throws: HypervisorError.self) { try FirmwareState(tpm: [name: [1]]).encoded() }
        let bytes = try FirmwareState(tpm: ["tpm2/" + String(repeating: "x", count: name.utf8.count): [1]]).encoded()
        #expect(throws: Never.self) { try FirmwareState(decoding: bytes) }
    }

    @Test func moreThanAPointTakesIsRefused() {
        let large = ["tpm2/a": [UInt8](repeating: 1, count: HypervisorLimits.tpmBytes + 1)]
        #expect(throws: HypervisorError.self) { try FirmwareState(tpm: large).encoded() }
        let many = Dictionary(uniqueKeysWithValues: (0...HypervisorLimits.tpmFiles).map { ("tpm2/\($0)", [UInt8]()) })
        #expect(throws: HypervisorError.self) { try FirmwareState(tpm: many).encoded() }
    }

    @Test func filesTakeThePlaceOfThoseThatAreThere() throws {
        let root = "/tmp/bsc-tpm-\(UInt32.random(in: 0 ... .max))"
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: root) } }
        let directory = TPMDirectory(uri: "qemu:///embed?root=\(root)", guest: "some-guest")
        #expect(directory.path == "\(root)/lib/swtpm/some-guest")
        #expect(try directory.read().isEmpty)
        try directory.replace(with: ["tpm2/tpm2-00.permall": [1], "tpm2/tpm2-00.volatilestate": [2]])
        try Data([3]).write(to: URL(fileURLWithPath: "\(directory.path)/tpm2/.lock"))
        #expect(try directory.read() == ["tpm2/tpm2-00.permall": [1], "tpm2/tpm2-00.volatilestate": [2]])
        for _ in 1...2 { try directory.replace(with: ["tpm2/tpm2-00.permall": [4]]) }
        #expect(try directory.read() == ["tpm2/tpm2-00.permall": [4]])
        for _ in 1...2 { try directory.remove() }
        #expect(try directory.read().isEmpty)
    }
}
