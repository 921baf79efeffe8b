/// A run that holds a protection and is not under way here: its record was lost with a database, or it has ended, and the
/// vault was put back to a time before that. Given up by an operator, the service acts under its identifier, which is what
/// the vault goes by.
struct LostRun {
    /// The identifier, or the first of it.
    let prefix: String
    let registry: RegistryView
    let now: RunTime

    /// What lets go of the protection. Nobody knows how far the run was, so nothing but the vault is told: where the
    /// target is active its guest may run and write, and the choice is left open; else the source may run its own.
    ///
    /// Nil: no such run holds anything.
    func record() throws(OrchestratorError) -> RunRecord? {
        let held = registry.protections.filter { $0.run.lowercased().hasPrefix(prefix.lowercased()) }
        guard let protection = held.first else { return nil }
        guard held.count == 1 else {
            throw OrchestratorError(
                .invalidArgument, "“\(prefix.prefix(64))” names \(held.count) runs.", remedy: "Give more of it.")
        }
        guard let source = registry.host(protection.sourceHost), let target = registry.host(protection.targetHost)
        else { return nil }
        let id = protection.run.lowercased()
        let name = protection.guestName
        var facts = RunFacts(
            source: source, target: target, generation: protection.generation, version: protection.version)
        try facts.take(registry, protection: protection.id, guest: name, run: id)
        let isActivated = facts.activeSide == .target
        var record = RunRecord(
            id: id, request: RunRequest(kind: isActivated ? .unplanned : .cancel, protection: protection.id),
            protection: protection.id, guestUUID: protection.guestUUID, guestName: name,
            requestedBy: "bascule run abandon", requestedAt: now,
            steps: [StepRecord(isActivated ? .pend : .release)], facts: facts)
        record.abandoned = OrchestratorError(
            .failedPrecondition,
            "The run was not under way any more, and let go of \(name): "
                + (isActivated
                    ? "\(target.name) is the active side, and the commit is pending."
                    : "\(source.name) is the active side, as before."),
            remedy: isActivated
                ? "See what runs at \(target.name). When nothing does: “bascule change-point \(name) --point latest”. Then "
                    + "“bascule commit \(name)”, “bascule reverse \(name)” or “bascule cancel \(name)”."
                : "See whether \(name) runs at \(source.name), and start it there when it does not.")
        return record
    }
}
