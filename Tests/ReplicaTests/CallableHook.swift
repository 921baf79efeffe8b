import Synchronization

@testable import Replica

/// A failpoint hook that calls what a test wants called, for as long as one step lasts.
final class CallableHook: Sendable {
    private final class Call: @unchecked Sendable {
        // Unchecked, because it is called on the test's own thread alone, within `calling`.
        let body: (Failpoint) throws -> Void

        init(_ body: @escaping (Failpoint) throws -> Void) { self.body = body }
    }

    private let call = Mutex<Call?>(nil)

    var hook: FailpointHook {
        FailpointHook { failpoint in try self.call.withLock({ $0 })?.body(failpoint) }
    }

    func calling(_ body: (Failpoint) throws -> Void, during step: () throws -> Void) throws {
        try withoutActuallyEscaping(body) { body in
            call.withLock { $0 = Call(body) }
            defer { call.withLock { $0 = nil } }
            try step()
        }
    }
}
