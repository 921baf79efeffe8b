import Messages
import Repeatable

// How questions and answers come to those they are for, or do not.

extension Walk {
    mutating func send(_ question: WalkQuestion) {
        asking[question.number] = question
        if random.happens(faults.lostRequests) {
            return plan(.answer(question, .failure(WalkWords.silence)), after: question.deadlineMilliseconds)
        }
        plan(.deliver(question, isAnswered: true), at: arrival(question.from, question.to))
        if random.happens(faults.repeatedRequests) {
            // The same connection, so it comes before whatever is asked next.
            plan(.deliver(question, isAnswered: false), at: arrival(question.from, question.to))
        }
    }

    mutating func deliver(_ question: WalkQuestion, isAnswered: Bool) throws {
        switch question.to {
        case .vault:
            guard !isVaultAway else { return fallSilent(question, isAnswered) }
            let before = protection
            let (reply, events) = try vault.answer(question, now: now)
            if isAnswered { try checkUnprotect(question, before, reply) }
            noteRegistered(before, protection)
            for event in events { plan(.event(event), after: latency()) }
            if !Self.vaultName(question.body).isEmpty {
                note("vault: \(Self.vaultName(question.body)) \(Self.words(reply))")
            }
            if case .success = reply { truth.noteMove(question, registered: protection) }
            if isKilledNow(.vault) || random.happens(faults.serviceKills) {
                note("the vault is killed inside a request")
                counts["vault kills", default: 0] += 1
                try vault.restart(now: now)
                return fallSilent(question, isAnswered)
            }
            respond(reply, to: question, isAnswered)
        case .policy:
            guard !isPolicyAway else { return fallSilent(question, isAnswered) }
            guard isAnswered else { return }
            try tellPolicy { try $0.ask(question, now: $1, kill: $2) }
        case .orchestrator:
            guard isAnswered else { return }
            try tellOrchestrator { try $0.ask(question, now: $1, kill: $2) }
        case .host(let index):
            armKill(index)
            let before = hosts[index]
            let reply = try hosts[index].answer(question, now: now)
            disarm(index)
            note("host \(index): \(Self.name(question.body)) g\(question.generation): \(Self.words(reply))")
            try truth.look(
                question, reply, before: before, after: &hosts[index], other: hosts[1 - index],
                kinds: orchestrator.open.map(\.kind))
            guard let reply else {
                if !hosts[index].isUp, before.isUp { comeBack(index) }
                return fallSilent(question, isAnswered)
            }
            respond(reply, to: question, isAnswered)
        case .person: throw violation("nobody asks the operator")
        }
    }

    mutating func respond(_ reply: WalkReply, to question: WalkQuestion, _ isAnswered: Bool) {
        guard isAnswered else { return }
        if random.happens(faults.lostAnswers) { return fallSilent(question, isAnswered) }
        plan(.answer(question, reply), at: arrival(question.to, question.from))
    }

    mutating func fallSilent(_ question: WalkQuestion, _ isAnswered: Bool) {
        guard isAnswered else { return }
        plan(.answer(question, .failure(WalkWords.silence)), after: question.deadlineMilliseconds)
    }

    mutating func hand(_ reply: WalkReply, to question: WalkQuestion) throws {
        guard asking.removeValue(forKey: question.number) != nil else { return }
        switch question.from {
        case .policy: try tellPolicy { try $0.answered(question.number, reply, now: $1, kill: $2) }
        case .orchestrator: try tellOrchestrator { try $0.answered(question.number, reply, now: $1, kill: $2) }
        case .host(let index): hear(reply, host: index)
        case .person:
            if case .failure(let error) = reply {
                counts["refused", default: 0] += 1
                guard !error.message.isEmpty else { throw violation("a refusal without a sentence") }
            }
        case .vault: throw violation("the vault asks nobody")
        }
    }

    /// Messages of one connection arrive in order.
    private mutating func arrival(_ from: WalkPeer, _ to: WalkPeer) -> Int64 {
        let key = "\(from)>\(to)"
        let time = max(lastArrival[key] ?? 0, now + latency())
        lastArrival[key] = time
        return time
    }

    private static func name(_ body: Envelope.OneOf_Body) -> String {
        guard case .agentRequest(let request) = body, let request = request.request else { return "" }
        let text = "\(request)".split(whereSeparator: { "(\n".contains($0) }).first.map(String.init) ?? ""
        return text
    }

    private static func vaultName(_ body: Envelope.OneOf_Body) -> String {
        guard case .vaultRequest(let request) = body, case .advanceFailover(let advance) = request.request else {
            return ""
        }
        return "\(advance.step) by \(advance.run.prefix(4))"
    }

    private static func words(_ reply: WalkReply?) -> String {
        switch reply {
        case .success: "done"
        case .failure(let error): "\(error.code.name): \(error.message)"
        case nil: "silence"
        }
    }
}
