/// Answers that a bulk channel waits for: each has a deadline and is resumed once.
struct BulkQuestions {
    enum Key: Hashable {
        case welcome
        case hashes(UInt64)
        case stored
    }

    typealias Continuation = CheckedContinuation<[UInt8], any Error>

    private struct Question {
        let deadline: ContinuousClock.Instant
        let continuation: Continuation
    }

    private var open: [Key: Question] = [:]

    var isEmpty: Bool { open.isEmpty }
    var awaitsWelcome: Bool { open[.welcome] != nil }
    var nextDeadline: ContinuousClock.Instant? { open.values.map(\.deadline).min() }

    mutating func add(_ key: Key, deadline: ContinuousClock.Instant, _ continuation: Continuation) {
        precondition(open[key] == nil, "a bulk channel was asked the same twice")
        open[key] = Question(deadline: deadline, continuation: continuation)
    }

    mutating func answer(_ key: Key, _ body: [UInt8]) {
        open.removeValue(forKey: key)?.continuation.resume(returning: body)
    }

    func late(at now: ContinuousClock.Instant) -> Key? { open.first { $0.value.deadline <= now }?.key }

    mutating func fail(_ error: any Error) {
        let questions = open
        open = [:]
        for question in questions.values { question.continuation.resume(throwing: error) }
    }
}
