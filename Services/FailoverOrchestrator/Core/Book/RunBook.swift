/// Every run that this service knows: which may start, which goes on, and what is told about them. A value.
struct RunBook: Sendable {
    private var machines: [String: RunStateMachine] = [:]
    private var ended: [String: RunRecord] = [:]

    init(stored: [RunRecord]) {
        for record in stored {
            if record.isEnded {
                ended[record.id] = record
            } else {
                machines[record.id] = RunStateMachine(record)
            }
        }
    }

    /// Every run goes on where it was.
    mutating func resume(now: RunTime) -> BookOutput {
        var output = BookOutput()
        for id in machines.keys.sorted() { advance(id, .begun, now: now, into: &output) }
        return output
    }

    mutating func handle(_ event: BookEvent, now: RunTime) -> BookOutput {
        var output = BookOutput()
        switch event {
        case .asked(let token, let request):
            do throws(OrchestratorError) {
                if let answer = try answer(request, token, now: now, into: &output) {
                    output.actions.append(.answer(token, .success(answer)))
                }
            } catch {
                output.actions.append(.answer(token, .failure(error)))
            }
        case .registryRead(let token, let request, let result):
            do throws(OrchestratorError) {
                let record = try begin(request, try result.get(), now: now, into: &output)
                // First in line, because the answer must not wait for what the run asks next.
                output.actions.insert(.answer(token, .success(.run(record))), at: 0)
            } catch {
                output.actions.append(.answer(token, .failure(error)))
            }
        case .run(let id, let event):
            advance(id, event, now: now, into: &output)
        }
        return output
    }

    /// Every run, newest first.
    var records: [RunRecord] {
        (machines.values.map(\.record) + ended.values).sorted { left, right in
            left.requestedAt == right.requestedAt ? left.id > right.id : left.requestedAt > right.requestedAt
        }
    }

    // MARK: Requests

    private mutating func answer(
        _ request: OrchestratorRequest, _ token: RequestToken, now: RunTime, into output: inout BookOutput
    ) throws(OrchestratorError) -> OrchestratorAnswer? {
        switch request {
        case .start(_, let id, _, _):
            if let known = record(id) { return .run(known) }
            output.actions.append(.readRegistry(token, request))
            return nil
        case .get(let prefix):
            return .run(try find(prefix))
        case .list(let protection, let limit):
            let lowercased = protection.lowercased()
            let matching = records.filter { record in
                protection.isEmpty || record.protection == lowercased || record.guestName == protection
                    || record.guestUUID.lowercased() == lowercased
            }
            return .runs(Array(matching.prefix(limit)))
        case .resume(let prefix):
            return .run(try steer(prefix, .resumeAsked, now: now, into: &output))
        case .abandon(let prefix):
            let isUnderWay: Bool
            do throws(OrchestratorError) {
                isUnderWay = machines[try find(prefix).id] != nil
            } catch let error where error.code == .notFound {
                isUnderWay = false
            }
            if isUnderWay { return .run(try steer(prefix, .abandonAsked, now: now, into: &output)) }
            // The vault may know of one whose record was lost; or of one that has ended, when it was put back to a time at
            // which that was under way.
            output.actions.append(.readRegistry(token, request))
            return nil
        case .health:
            return .health(health)
        }
    }

    private func record(_ id: String) -> RunRecord? { machines[id]?.record ?? ended[id] }

    private func find(_ prefix: String) throws(OrchestratorError) -> RunRecord {
        let prefix = prefix.lowercased()
        guard prefix.utf8.count >= OrchestratorLimits.identifierPrefixMinimum else {
            throw OrchestratorError(
                .invalidArgument, "“\(prefix)” is too short to name a run.",
                remedy: "Give at least \(OrchestratorLimits.identifierPrefixMinimum) characters of its identifier.")
        }
        let found = records.filter { $0.id.hasPrefix(prefix) }
        guard let first = found.first else {
            throw OrchestratorError(
                .notFound, "No run “\(prefix.prefix(64))” is known.", remedy: "List them with “bascule runs”.")
        }
        guard found.count == 1 else {
            throw OrchestratorError(
                .invalidArgument, "“\(prefix.prefix(64))” names \(found.count) runs.", remedy: "Give more of it.")
        }
        return first
    }

    private mutating func steer(
        _ prefix: String, _ event: RunEvent, now: RunTime, into output: inout BookOutput
    ) throws(OrchestratorError) -> RunRecord {
        let id = try find(prefix).id
        guard var machine = machines[id] else { throw Self.hasEnded(id) }
        let actions = try machine.handle(event, now: now)
        machines[id] = machine
        take(actions, of: id, into: &output)
        return machine.record
    }

    private static func hasEnded(_ id: String) -> OrchestratorError {
        OrchestratorError(
            .failedPrecondition, "The run has ended.", remedy: "See “bascule run show \(id.prefix(8))”.")
    }

    private var health: OrchestratorHealth {
        let open = machines.values.map(\.record)
        let waiting = open.filter { $0.wait != nil }
        var details = ["\(open.count) runs under way, \(waiting.count) of them waiting, \(ended.count) ended"]
        details += waiting.prefix(10).map { record in
            "Run \(record.id.prefix(8)) of \(record.guestName) waits: \(record.wait?.sentence ?? "")"
        }
        return OrchestratorHealth(waiting: waiting.count, details: details)
    }

    // MARK: Runs

    private mutating func begin(
        _ request: OrchestratorRequest, _ registry: RegistryView, now: RunTime, into output: inout BookOutput
    ) throws(OrchestratorError) -> RunRecord {
        let wanted: RunRequest
        let id: String
        let isDryRun: Bool
        let sender: String
        switch request {
        case .start(let request, let identifier, let isDry, let from):
            (wanted, id, isDryRun, sender) = (request, identifier, isDry, from)
        case .abandon(let prefix): return try letGo(prefix, registry, now: now, into: &output)
        case .get, .list, .resume, .health:
            preconditionFailure(
                "the registry is read for a run that is to start, or is not known, and for nothing else")
        }
        if let known = record(id) { return known }
        let record = try RunAdmission(
            request: wanted, id: id, sender: sender, registry: registry,
            others: machines.values.map(\.record) + ended.values.filter(\.holdsTest), now: now
        ).record()
        if isDryRun { return record }
        try makeRoom(into: &output)
        machines[id] = RunStateMachine(record)
        advance(id, .begun, now: now, into: &output)
        return self.record(id) ?? record
    }

    /// A run that is under way for nobody but the vault. What was known of its end gives way to its second one.
    private mutating func letGo(
        _ prefix: String, _ registry: RegistryView, now: RunTime, into output: inout BookOutput
    ) throws(OrchestratorError) -> RunRecord {
        guard let lost = try LostRun(prefix: prefix, registry: registry, now: now).record(), machines[lost.id] == nil
        else {
            let known = try find(prefix)
            guard machines[known.id] != nil else { throw Self.hasEnded(known.id) }
            return known
        }
        try makeRoom(into: &output)
        ended[lost.id] = nil
        machines[lost.id] = RunStateMachine(lost)
        advance(lost.id, .begun, now: now, into: &output)
        return record(lost.id) ?? lost
    }

    /// The oldest run that ended, and is no test still to be cleaned up, goes for a new one.
    private mutating func makeRoom(into output: inout BookOutput) throws(OrchestratorError) {
        guard machines.count < OrchestratorLimits.openRunsMaximum else {
            throw OrchestratorError(
                .resourceExhausted, "\(machines.count) runs are under way, which is as many as may be at once.",
                remedy: "Wait for some to end.")
        }
        while machines.count + ended.count >= OrchestratorLimits.runsMaximum {
            let oldest = ended.values.filter { !$0.holdsTest }.min {
                ($0.requestedAt, $0.id) < ($1.requestedAt, $1.id)
            }
            guard let oldest else {
                throw OrchestratorError(
                    .resourceExhausted, "\(ended.count) tests wait for their cleanup.", remedy: "Clean some up.")
            }
            ended[oldest.id] = nil
            output.changes.append(.remove(oldest.id))
        }
    }

    private mutating func advance(_ id: String, _ event: RunEvent, now: RunTime, into output: inout BookOutput) {
        guard var machine = machines[id] else { return }
        do throws(OrchestratorError) {
            let actions = try machine.handle(event, now: now)
            machines[id] = machine
            take(actions, of: id, into: &output)
        } catch {
            preconditionFailure("only what operators ask is refused, and this was nobody's request: \(error)")
        }
    }

    private mutating func take(_ actions: [RunAction], of id: String, into output: inout BookOutput) {
        for action in actions {
            switch action {
            case .store(let record): output.changes.append(.put(record))
            case .ask(let order): output.actions.append(.ask(order))
            case .wake(let time, let number): output.actions.append(.wake(run: id, at: time, number: number))
            }
        }
        guard let record = machines[id]?.record, record.isEnded else { return }
        machines[id] = nil
        ended[id] = record
        guard record.kind == .cleanup, record.progress == .succeeded else { return }
        for (other, var test) in ended where test.protection == record.protection && test.holdsTest {
            test.facts.isTestCleaned = true
            ended[other] = test
            output.changes.append(.put(test))
        }
    }
}
