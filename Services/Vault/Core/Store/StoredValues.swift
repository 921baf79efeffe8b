internal import FoundationEssentials
internal import GRDB

/// Column names with their values, in the order of the table.
typealias StoredColumns = [(name: String, value: (any DatabaseValueConvertible)?)]

// SQLite's integers are signed. Sizes and numbers that peers choose may use all 64 bits, so they are stored by bit
// pattern: nothing traps, and everything that is compared in SQL stays far below 2⁶³.
extension UInt64 {
    var stored: Int64 { Int64(bitPattern: self) }

    init(stored: Int64) { self.init(bitPattern: stored) }
}

extension [UInt8] {
    var storedBytes: Data { Data(self) }

    static func fetchStored(
        _ database: Database, sql: String, arguments: StatementArguments = StatementArguments()
    ) throws -> [UInt8]? {
        try Data.fetchOne(database, sql: sql, arguments: arguments).map { [UInt8]($0) }
    }
}

/// A row whose columns are read by name. A column that is missing or of another type is damage, never a trap.
extension Row {
    func text(_ column: String) throws -> String {
        guard let text = String.fromDatabaseValue(try value(column)) else { throw damaged(column) }
        return text
    }

    func integer(_ column: String) throws -> Int64 {
        guard let integer = Int64.fromDatabaseValue(try value(column)) else { throw damaged(column) }
        return integer
    }

    func number(_ column: String) throws -> UInt64 { UInt64(stored: try integer(column)) }

    func bytes(_ column: String) throws -> [UInt8] {
        guard let data = Data.fromDatabaseValue(try value(column)) else { throw damaged(column) }
        return [UInt8](data)
    }

    func identifier(_ column: String) throws -> RegistryIdentifier {
        guard let identifier = RegistryIdentifier(try text(column)) else { throw damaged(column) }
        return identifier
    }

    func choice<Choice: RawRepresentable<String>>(_ column: String, of type: Choice.Type) throws -> Choice {
        guard let choice = Choice(rawValue: try text(column)) else { throw damaged(column) }
        return choice
    }

    func list<Element: Decodable>(_ column: String, of type: Element.Type) throws -> [Element] {
        do {
            return try JSONDecoder().decode([Element].self, from: Data(try text(column).utf8))
        } catch let error as VaultError {
            throw error
        } catch {
            throw damaged(column)
        }
    }

    func damaged(_ column: String) -> VaultError {
        VaultError(
            .corruptData, "The vault's database holds a value of \(column) that has no meaning.",
            remedy: "Restore it from a backup, or use the release that wrote it.")
    }

    private func value(_ column: String) throws -> DatabaseValue {
        guard let value: DatabaseValue = self[column] else { throw damaged(column) }
        return value
    }
}

extension Array where Element: Encodable {
    /// One way to write lists, so that equal lists are equal texts.
    var stored: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}
