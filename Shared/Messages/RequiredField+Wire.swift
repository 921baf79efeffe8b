package import FoundationEssentials
package import SwiftProtobuf

/// Checks of single fields that came from a peer. Each throws `RemoteError` INVALID_ARGUMENT with the field's name,
/// so a handler can call them in its first lines and let the error travel back.
package enum RequiredField {
    /// A UUID in its usual text form; the answer is in lower case, the form used in paths and names.
    package static func uuid(_ text: String, _ field: String) throws -> UUID {
        guard let uuid = UUID(uuidString: text) else {
            throw RemoteError(
                .invalidArgument, "\(field) is not a UUID.", facts: ["field": field, "value": shortened(text)])
        }
        return uuid
    }

    /// Cycles are counted from 1, one at a time, so nobody counts beyond this. What is above it could not be counted on, nor be
    /// stored where numbers have a sign.
    package static let countMaximum: UInt64 = 1 << 62
    /// The same of generations, which rise with each failover. A vault takes no report with a greater one.
    package static let generationMaximum: UInt64 = 1 << 40

    /// Of a protection, as an envelope has it; 0: none.
    package static func generation(_ number: UInt64) throws -> UInt64 {
        guard number <= generationMaximum else {
            throw RemoteError(
                .invalidArgument, "generation is \(number); it is at most \(generationMaximum).",
                facts: ["field": "generation", "value": "\(number)"])
        }
        return number
    }

    /// A number of a cycle.
    package static func count(_ number: UInt64, _ field: String, from minimum: UInt64 = 0) throws -> UInt64 {
        guard number >= minimum, number <= countMaximum else {
            throw RemoteError(
                .invalidArgument, "\(field) is \(number); it is \(minimum) to \(countMaximum).",
                facts: ["field": field, "value": "\(number)"])
        }
        return number
    }

    package static func text(_ text: String, _ field: String, maximumBytes: Int = 1024) throws -> String {
        guard !text.isEmpty else {
            throw RemoteError(.invalidArgument, "\(field) is empty.", facts: ["field": field])
        }
        guard text.utf8.count <= maximumBytes else {
            throw RemoteError(
                .invalidArgument, "\(field) is longer than \(maximumBytes) bytes.", facts: ["field": field])
        }
        return text
    }

    /// A protobuf enum whose zero means "unspecified" and is refused, as is a number this release does not know.
    package static func choice<Choice: SwiftProtobuf.Enum & CaseIterable>(
        _ value: Choice, _ field: String
    ) throws -> Choice {
        guard value.rawValue != 0, Choice.allCases.contains(where: { $0.rawValue == value.rawValue }) else {
            throw RemoteError(
                .invalidArgument, "\(field) is not set to a known value.",
                facts: ["field": field, "value": "\(value.rawValue)"])
        }
        return value
    }

    package static func bytes(_ data: Data, count: Int, _ field: String) throws -> [UInt8] {
        guard data.count == count else {
            throw RemoteError(
                .invalidArgument, "\(field) has \(data.count) bytes instead of \(count).", facts: ["field": field])
        }
        return [UInt8](data)
    }

    /// Facts travel and are logged, so a peer must not choose their length.
    private static func shortened(_ text: String) -> String { String(text.prefix(64)) }
}
