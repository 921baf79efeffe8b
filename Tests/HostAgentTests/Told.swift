import Messages
import Pages
import Testing

@testable import HostAgent

/// What a request comes to, in the words of the tables of Protocol.md.
enum Told {
    static func outcome(_ body: () throws -> String) -> String {
        do {
            return try body()
        } catch {
            return refusal(error)
        }
    }

    static func outcome(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> String
    ) async -> String {
        do {
            return try await body()
        } catch {
            return refusal(error)
        }
    }

    /// The code as it travels, and the rule where a program can act on it.
    private static func refusal(_ error: any Error) -> String {
        let told = RemoteError(answering: error)
        let code = "`\(told.code.name)`"
        return told.facts["rule"].map { "\(code), rule `\($0)`" } ?? code
    }

    /// Every cell of a table, as the page has it and as it is answered.
    static func expectTable<Row, Column>(
        _ heading: String, rows: Row.Type, columns: Column.Type, isolation: isolated (any Actor)? = #isolation,
        cell: (Row, Column) async throws -> String
    ) async throws
    where
        Row: RawRepresentable<String> & CaseIterable, Column: RawRepresentable<String> & CaseIterable
    {
        let differences = try await PageTable.differences(
            PageTable.protocolPage, tableAfter: heading, rows: rows, columns: columns, cell: cell)
        #expect(differences == [])
    }
}
