import Logging
import Replica

/// Disks that are the base of a replica, and that somebody else wrote to: the guest was started on this host beside
/// everything of ours. What rests on them is no point any more until a cycle has compared.
extension TargetRole {
    /// Looks, and tells people what is new.
    func noticeStrangers(of protection: String, in replica: Replica) async throws {
        try await run(protection) { _ = try replica.noticeStrangers() }
        tellSpoilt(protection)
    }

    /// The guest was seen, on or off, where it must not run. A replica that is not open is looked at when it is opened.
    func guestSeen(_ protection: String) async {
        guard let replica = entries[protection]?.replica else { return }
        do {
            try await noticeStrangers(of: protection, in: replica)
        } catch {
            logger.warning("disks not looked at", metadata: ["protection": "\(protection)", "error": "\(error)"])
        }
    }

    /// Once for each time.
    func tellSpoilt(_ protection: String) {
        guard let entry = entries[protection] else { return }
        let spoilt = entry.replica.spoiltPoints
        guard spoilt != entry.spoilt else { return }
        entries[protection]?.spoilt = spoilt
        if let spoilt {
            logger.error(
                "recovery points are spoilt", metadata: ["protection": "\(protection)", "reason": "\(spoilt.sentence)"])
        } else {
            logger.notice("recovery points are right again", metadata: ["protection": "\(protection)"])
        }
    }

    /// One sentence for each replica without a point that is right.
    var standingAlarms: [String] {
        entries.sorted { $0.key < $1.key }.compactMap { protection, entry in
            entry.replica.spoiltPoints.map { "Protection \(protection): \($0.sentence)" }
        }
    }
}

extension SpoiltPoints {
    fileprivate var sentence: String {
        "\(reason) No point up to cycle \(cycle) is what it was. Shut the guest off on this host, if it runs: the next "
            + "cycle compares everything, and until then no failover to this host is possible."
    }
}
