import Messages

// What people do to guests without asking any service.

extension Walk {
    /// Guests that lost power are started again by whoever owns them: where they may run, and no run is under way.
    mutating func startByHand() {
        guard orchestrator.open.allSatisfy({ $0.kind == .test || $0.kind == .cleanup }), let protection else { return }
        let active = protection.activeSide == .target ? protection.targetHostID : protection.sourceHostID
        guard let index = WalkWords.hosts.firstIndex(of: active) else { return }
        guard hosts[index].guest?.isOn == false,
            hosts[index].replica?.isAdopted != true || hosts[index].guest?.isOwn == false
        else { return }
        note("the guest of host \(index) is started by hand")
        hosts[index].guest?.isOn = true
        hosts[index].guest?.capture?.isLost = true
    }

    /// Somebody starts the guest where it may not run, on disks that are its own.
    mutating func startOldByHand() {
        guard let index = passiveHost, hosts[index].isUp, hosts[index].guest?.isOn == false,
            hosts[index].guest?.isOwn == true, hosts[index].replica?.isAdopted != true,
            orchestrator.open.allSatisfy({ $0.kind == .test || $0.kind == .cleanup || $0.wait != nil })
        else { return }
        note("the guest of host \(index), which is not active, is started by hand")
        hosts[index].guest?.isOn = true
    }

    /// The run that stands still because of it goes on when it is off.
    mutating func stopOldByHand() {
        guard let index = passiveHost, hosts[index].guest?.isOn == true else { return }
        note("the guest of host \(index), which is not active, is shut down by hand")
        hosts[index].guest?.end(cleanly: true)
    }

    private var passiveHost: Int? {
        guard let protection, protection.state == .commitPending || protection.state == .committed else { return nil }
        return WalkWords.hosts.firstIndex(of: protection.sourceHostID)
    }

    private var targetHost: Int? { WalkWords.hosts.firstIndex { $0 == protection?.targetHostID } }

    /// At the target runs what nobody wants any more: a recovery that was overtaken by a change of sides.
    var isOvertaken: Bool { targetHost.map { hosts[$0].started != nil } ?? false }

    /// Nothing of it is wanted, as its replica is not.
    mutating func stopOvertakenByHand() {
        guard let index = targetHost, hosts[index].started != nil, hosts[index].guest?.isOn == true else { return }
        note("the guest of host \(index), which was overtaken, is shut down by hand")
        hosts[index].guest?.end(cleanly: true)
    }
}
