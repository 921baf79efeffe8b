import LocalPorts
import Logging
import MessageBus

/// Gives a test its own bus and shuts it down afterwards, whatever the test throws.
func withBus<Result>(
    _ name: String = "test/bus", resolver: NameResolver = .system, _ body: (MessageBus) async throws -> Result
) async throws -> Result {
    let bus = MessageBus(name: name, logger: quietLogger, resolver: resolver)
    do {
        let result = try await body(bus)
        await bus.shutdown()
        return result
    } catch {
        await bus.shutdown()
        throw error
    }
}

/// Warnings are part of what is provoked here.
let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// One that a test may bind again after its server is gone.
var anyPort: String { LocalPorts.endpoint() }
