package import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// A service that was started: it works until it is stopped.
package protocol RunnableService: Sendable {
    /// Returns after `stop`, when everything of the service has ended; throws when it cannot go on.
    func run() async throws
    /// May be called from anywhere, and more than once.
    func stop()
}

/// What every executable does around its service.
package enum ServiceRunner {
    /// Longer than any service's own grace; what has not ended then is cancelled.
    static let stopGrace: Duration = .seconds(30)

    /// Logs go to standard error from here on. Called once, first.
    package static func startLogging(level: Logger.Level) {
        LoggingSystem.bootstrap { label in ServiceLogHandler(label: label, level: level) }
    }

    /// Runs the service until SIGTERM or SIGINT, which stop it gracefully, or until it ends by itself.
    package static func run(_ service: any RunnableService, logger: Logger) async throws {
        let adapter = ServiceGroupConfiguration.ServiceConfiguration(
            service: SignalledService(service: service), successTerminationBehavior: .gracefullyShutdownGroup,
            failureTerminationBehavior: .cancelGroup)
        var configuration = ServiceGroupConfiguration(
            services: [adapter], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = stopGrace
        try await ServiceGroup(configuration: configuration).run()
    }
}

private struct SignalledService: Service {
    let service: any RunnableService

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await service.run()
        } onGracefulShutdown: {
            service.stop()
        }
    }
}
