import FoundationEssentials
import Glibc
import Synchronization
import Testing

@testable import HostAgent

/// What the agent writes beside a replica is whole, old or new, whatever the disk refuses; and whoever asked hears of it.
@Suite struct StableStorageTests {
    private static let protection = "11111111-1111-4111-8111-111111111111"

    private final class Calls: Sendable {
        private let made = Mutex<[String]>([])
        private let fails: Int?

        /// - Parameter fails: number of the call that fails, from 0; nil: none.
        init(fails: Int? = nil) { self.fails = fails }

        var all: [String] { made.withLock { $0 } }

        func answer(_ call: String, _ path: String) -> Int32? {
            made.withLock { made in
                made.append("\(call) \(path.split(separator: "/").last ?? "")")
                return made.count - 1 == fails ? EIO : nil
            }
        }
    }

    private static func started(_ cycle: UInt64) -> StartedReplica {
        StartedReplica(
            order: StartedReplica.Order(purpose: .failover, cycle: cycle, generation: 2), guest: "g",
            guestName: "web", viewSocket: "/run/v.sock")
    }

    /// Flushed before it gets its name, and the name before it is answered.
    private static let ofARecord = ["fsync state.new", "rename state.new", "fsync failover", "fsync \(protection)"]
    private static let ofADefinition = [
        "fsync own-definition.xml.new", "rename own-definition.xml.new", "fsync \(protection)",
    ]

    @Test func aRecordIsFlushedBeforeItGetsItsName() async throws {
        try await withTemporaryDirectory { directory in
            let calls = Calls()
            try StableStorage.$failure.withValue({ calls.answer($0, $1) }) {
                try StartedRecords(replicas: directory).write(Self.started(3), of: Self.protection)
            }
            #expect(calls.all == Self.ofARecord)
        }
    }

    @Test(arguments: ofARecord.indices)
    func aFailureReachesTheCallerAndARecordStaysWhole(call: Int) async throws {
        try await withTemporaryDirectory { directory in
            let records = StartedRecords(replicas: directory)
            try records.write(Self.started(3), of: Self.protection)
            let calls = Calls(fails: call)
            let error = #expect(throws: HostAgentError.self) {
                try StableStorage.$failure.withValue({ calls.answer($0, $1) }) {
                    try records.write(Self.started(4), of: Self.protection)
                }
            }
            #expect(calls.all == Array(Self.ofARecord.prefix(call + 1)))
            #expect(error?.code == .unavailable && error?.facts["path"]?.isEmpty == false)
            // Until the rename is done it is the former one.
            let found = try records.read(Self.protection, .failover)
            #expect(found == Self.started(call < 2 ? 3 : 4))
            // Asking again ends well.
            try records.write(Self.started(4), of: Self.protection)
            #expect(try records.read(Self.protection, .failover) == Self.started(4))
        }
    }

    @Test(arguments: ofADefinition.indices)
    func aFailureLeavesTheFormerDefinition(call: Int) async throws {
        try await withTemporaryDirectory { directory in
            let records = StartedRecords(replicas: directory)
            try records.keep(definition: "<old/>", of: Self.protection)
            let calls = Calls(fails: call)
            #expect(throws: HostAgentError.self) {
                try StableStorage.$failure.withValue({ calls.answer($0, $1) }) {
                    try records.keep(definition: "<new/>", of: Self.protection)
                }
            }
            #expect(calls.all == Array(Self.ofADefinition.prefix(call + 1)))
            #expect(try records.definition(of: Self.protection) == (call < 2 ? "<old/>" : "<new/>"))
        }
    }

    /// Without anything that pretends: the system itself refuses.
    @Test func aRenameThatTheSystemRefusesReachesTheCaller() async throws {
        try await withTemporaryDirectory { directory in
            try FileManager.default.createDirectory(atPath: "\(directory)/taken/in", withIntermediateDirectories: true)
            try StableStorage.write([1], to: "\(directory)/draft")
            let error = #expect(throws: HostAgentError.self) {
                try StableStorage.rename("\(directory)/draft", to: "\(directory)/taken")
            }
            #expect(error?.message.contains("rename") == true)
            #expect(FileManager.default.fileExists(atPath: "\(directory)/draft"))
            #expect(throws: HostAgentError.self) { try StableStorage.synchronize("\(directory)/missing") }
            // What cannot be flushed says so.
            #expect(throws: HostAgentError.self) { try StableStorage.write([], to: "/dev/null") }
        }
    }
}
