import Foundation
import Pages
import Testing

@testable import Vault

struct ProtectionStateChangesTests {
    static let combinations = ProtectionState.all.flatMap { state in
        RequestedState.allCases.map { (state, $0) }
    }

    @Test("Every combination does what the documented table says", arguments: combinations)
    func everyCombination(state: ProtectionState, requested: RequestedState) throws {
        let table = try Self.documented()
        let expected = try #require(
            table[state.row]?[requested.rawValue], "\(state.row) × \(requested) is not documented")
        var fixture = try VaultFixture.protecting(in: state)
        let before = fixture.protection
        let request = VaultFixture.change(to: requested)
        switch expected {
        case "✗":
            let error = fixture.refusal(of: request)
            #expect(error?.code == .failedPrecondition)
            #expect(error?.facts["state"] == state.word)
        case "=":
            let decision = try fixture.ask(request)
            #expect(decision.changes.isEmpty)
            #expect(decision.answer == .protection(before))
        default:
            let decision = try fixture.ask(request)
            #expect(fixture.protection.state.row == expected)
            #expect(fixture.protection.version == before.version + 1)
            #expect(decision.changes == [.protection(fixture.protection)])
            #expect(decision.answer == .protection(fixture.protection))
            #expect(decision.audit.map(\.action) == ["change_state"])
        }
    }

    @Test func tableNamesEveryStateAndNoOther() throws {
        let table = try Self.documented()
        #expect(Set(table.keys) == Set(ProtectionState.all.map(\.row)))
        #expect(table.values.allSatisfy { Set($0.keys) == Set(RequestedState.allCases.map(\.rawValue)) })
    }

    private static func documented() throws -> [String: [String: String]] {
        try PageTable.read("Services/Vault/Core/Vault.docc/Overview.md", tableAfter: "## Protection states")
    }

    /// Other languages read Protocol.md, so it has to say the same; it does not repeat in a cell where a pause goes on.
    @Test func protocolPageSaysTheSame() throws {
        let page = try PageTable.read("Shared/Messages/Protocol.md", tableAfter: "### Protection states")
        let table = try Self.documented()
        for state in ProtectionState.all {
            let row: String
            switch state {
            case .paused(let active): row = "paused, was \(active.rawValue)"
            case .enabling, .seeding, .protected, .resynchronizing, .disabling, .failingOver, .commitPending,
                .committed,
                .reversing:
                row = state.row
            }
            for requested in RequestedState.allCases {
                let cell = try #require(table[state.row]?[requested.rawValue])
                let expected = cell.hasPrefix("paused") ? "paused" : cell
                #expect(page[row]?[requested.rawValue] == expected, "\(row) × \(requested)")
            }
        }
    }

    @Test func resumeReturnsToWhereItWasPaused() throws {
        for active in ProtectionState.ActiveState.allCases {
            var fixture = try VaultFixture.protecting(in: .paused(resumingTo: active))
            try fixture.change(to: .protected)
            #expect(fixture.protection.state == ProtectionState(active))
        }
    }

    @Test func sameStateWithNewReasonStoresTheReason() throws {
        var fixture = try VaultFixture.protecting(in: .resynchronizing)
        let version = fixture.protection.version
        try fixture.change(to: .resynchronizing, reason: "Disk vdb was added.")
        #expect(fixture.protection.stateReason == "Disk vdb was added.")
        #expect(fixture.protection.version == version + 1)
    }

    @Test func changeReplacesTheReason() throws {
        var fixture = try VaultFixture.protecting(in: .resynchronizing)
        #expect(fixture.protection.stateReason == "The bitmap is lost.")
        try fixture.change(to: .protected)
        #expect(fixture.protection.stateReason == "")
    }

    @Test func staleVersionIsAConflictThatSaysWhatIsCurrent() throws {
        var fixture = try VaultFixture.protecting(in: .protected)
        let version = fixture.protection.version
        let error = fixture.refusal(of: VaultFixture.change(to: .paused, version: .exactly(version - 1)))
        #expect(error?.code == .conflict)
        #expect(
            error?.facts == [
                "expected_version": "\(version - 1)", "version": "\(version)", "state": "protected",
            ])
        try fixture.change(to: .paused, version: .exactly(version))
        #expect(fixture.protection.state == .paused(resumingTo: .protected))
    }

    @Test func conflictIsSaidBeforeTheTableIsAsked() throws {
        var fixture = try VaultFixture.protecting(in: .protected)
        #expect(fixture.refusal(of: VaultFixture.change(to: .enabling, version: .exactly(99)))?.code == .conflict)
    }

    @Test func olderGenerationIsFencedAndUnknownOneIsAConflict() throws {
        var fixture = try VaultFixture.protecting(in: .protected)
        fixture.generation = 2
        #expect(fixture.refusal(of: VaultFixture.change(to: .paused))?.code == .conflict)
        fixture.generation = 1
        try fixture.change(to: .paused)
    }

    @Test func reasonBecomesOneBoundedLine() throws {
        var fixture = try VaultFixture.protecting(in: .protected)
        try fixture.change(to: .resynchronizing, reason: "two\nlines")
        #expect(fixture.protection.stateReason == "two lines")
        try fixture.change(to: .resynchronizing, reason: String(repeating: "ä", count: 500))
        #expect(fixture.protection.stateReason == String(repeating: "ä", count: VaultLimits.maximumReasonBytes / 2))
    }
}

extension ProtectionState {
    /// As the table of Overview.md writes it.
    var row: String {
        switch self {
        case .enabling, .seeding, .protected, .resynchronizing, .disabling, .failingOver, .commitPending, .committed,
            .reversing:
            word
        case .paused(let active): "paused (\(active.rawValue))"
        }
    }
}
