import MessageBus
package import Messages

/// What end-to-end tests and benchmarks ask of the failover orchestrator.
extension SitesClient {
    /// Begins a run and answers at once.
    package func begin(_ kind: RunKind, _ protection: String, _ fill: (inout StartRun) -> Void = { _ in }) async throws
        -> Run
    {
        var start = StartRun()
        start.kind = kind
        start.protection = protection
        fill(&start)
        guard case .run(let run) = try await orchestrator.orchestrator(.startRun(start)) else {
            throw unexpectedAnswer
        }
        return run
    }

    package func run(_ id: String) async throws -> Run {
        var request = GetRun()
        request.id = id
        guard case .run(let run) = try await orchestrator.orchestrator(.getRun(request)) else {
            throw unexpectedAnswer
        }
        return run
    }

    /// Begins a run and waits until it is over: succeeded, failed, or of a test, its guest started.
    ///
    /// - Throws: `LocalSitesError` with code `late`, naming the step that it stands at.
    package func perform(
        _ kind: RunKind, _ protection: String, within limit: Duration = .seconds(120),
        _ fill: (inout StartRun) -> Void = { _ in }
    ) async throws -> Run {
        try await finish(try await begin(kind, protection, fill), within: limit)
    }

    /// Waits until a run is over.
    package func finish(_ begun: Run, within limit: Duration) async throws -> Run {
        do {
            return try await eventually("the run is over", within: limit) {
                // It may be started again meanwhile; a run goes on all the same.
                let run: Run
                do { run = try await self.run(begun.id) } catch is RemoteError { return nil }
                let isStartedTest = run.kind == .test && run.state == .waiting && !run.startedGuest.isEmpty
                return run.state == .succeeded || run.state == .failed || isStartedTest ? run : nil
            }
        } catch let late as Late {
            let run = try await run(begun.id)
            let step = run.steps.first { $0.state == .running || $0.state == .failed }
            throw LocalSitesError(
                .late,
                "\(late): \(run.kind) stands at \(step?.name ?? "no step"): \(run.sentence) \(step?.detail ?? "")",
                remedy: "read the logs of orchestrator and agents")
        }
    }

    private var unexpectedAnswer: LocalSitesError {
        LocalSitesError(
            .late, "the orchestrator answered with something else than a run", remedy: "use one release everywhere")
    }
}
