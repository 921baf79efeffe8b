import Foundation
import Logging
import Testing

@testable import ServiceRuntime

struct ServiceRunnerTests {
    private struct Waiting: RunnableService {
        let stopping = StopSignal()
        let failure: ServiceSettingsError?

        func run() async throws {
            await stopping.wait()
            if let failure { throw failure }
        }

        func stop() { stopping.give() }
    }

    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test func serviceThatEndsByItselfEndsTheRun() async throws {
        let service = Waiting(failure: nil)
        service.stop()
        try await ServiceRunner.run(service, logger: Self.logger)
    }

    @Test func failureOfTheServiceIsTheFailureOfTheRun() async {
        let failure = ServiceSettingsError(.badValue, "It failed.", remedy: "None.")
        let service = Waiting(failure: failure)
        service.stop()
        await #expect(throws: ServiceSettingsError.self) { try await ServiceRunner.run(service, logger: Self.logger) }
    }
}
