import CLibvirt
import Foundation
import Testing

@testable import Hypervisor

/// Why a guest did not start stands in a file that libvirt only names.
@Suite struct NamedErrorLogTests {
    private func withLog(_ text: String, _ body: (String, String) throws -> Void) throws {
        let path = "\(NSTemporaryDirectory())/bsc-log-\(UInt32.random(in: 0 ... .max)).log"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        defer { unlink(path) }
        try body(path, Self.words(path))
    }

    private static func words(_ path: String) -> String {
        "internal error: Could not run '/usr/bin/swtpm_setup'. exitstatus: 1; Check error log '\(path)' for details."
    }

    private static func cause(_ words: String) -> String {
        LibvirtFailure(code: VIR_ERR_INTERNAL_ERROR.rawValue, words: words)
            .whileDoing("Guest web could not be started.").cause
    }

    @Test func theLastTwoLinesThatSaySomethingAreTold() throws {
        try withLog(
            """
            Starting vTPM manufacturing as tss:tss @ Thu 26 Nov 2026
            An older line.
            Need read/write rights on statedir /var/lib/libvirt/swtpm/1/tpm2 for user tss.
            \u{1B}[31mCould not lock.

            Ending vTPM manufacturing @ Thu 26 Nov 2026

            """
        ) { _, words in
            #expect(
                Self.cause(words)
                    == "\(words); it ends with: Need read/write rights on statedir /var/lib/libvirt/swtpm/1/tpm2 for user "
                    + "tss. / [31mCould not lock.")
        }
    }

    @Test func aLargeLogIsReadFromItsEnd() throws {
        let line = String(repeating: "x", count: 1_000)
        try withLog(String(repeating: "\(line)\n", count: 2_000) + "the reason\n") { _, words in
            let cause = Self.cause(words)
            #expect(cause.hasSuffix(" / the reason"))
            #expect(cause.count < words.count + 300, "a line is cut, too")
        }
    }

    @Test func whatCannotBeReadLeavesLibvirtsWords() throws {
        for path in ["/nowhere/at-all.log", "/tmp", "/dev/zero", "relative.log"] {
            #expect(Self.cause(Self.words(path)) == Self.words(path))
        }
        let pipe = "\(NSTemporaryDirectory())/bsc-pipe-\(UInt32.random(in: 0 ... .max))"
        #expect(mkfifo(pipe, 0o600) == 0)
        defer { unlink(pipe) }
        #expect(Self.cause(Self.words(pipe)) == Self.words(pipe))
        for words in ["no log is named", "Check error log '/unfinished", ""] { #expect(Self.cause(words) == words) }
        try withLog("\n \n") { _, words in #expect(Self.cause(words) == words) }
    }
}
