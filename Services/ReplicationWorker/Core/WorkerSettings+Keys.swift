package import ServiceRuntime

extension WorkerSettings {
    /// Every setting of `bascule-worker`, the common ones aside.
    package static let keys = [
        SettingKey("name", .value(""), "this worker's name, as people know it; empty: the machine's host name"),
        SettingKey("policy", .value("tcp://127.0.0.1:7711"), "the policy service's request endpoint"),
        SettingKey("listen", .value("tcp://127.0.0.1:7731"), "where it answers health requests"),
        SettingKey(
            "advertise", .value(""),
            "what others connect to instead of listen; empty: listen, by the machine's host name; none: nobody can"),
        SettingKey(
            "slots", .value("\(ReplicationWorkerLimits.slotsDefault)"),
            "jobs at once, 1 to \(ReplicationWorkerLimits.slotsMaximum)"),
        SettingKey("readsHosts", .value(""), "hosts whose guests' disks it can read, by name; empty: every host"),
    ]

    package init(_ settings: ServiceSettings) throws {
        let name = try settings.text("name")
        self.init(
            name: name.isEmpty ? MachineName.current : name, policy: try settings.endpoint("policy"),
            listen: try settings.endpoint("listen"),
            advertise: try settings.text("advertise"),
            slots: try settings.number("slots", in: 1...ReplicationWorkerLimits.slotsMaximum),
            readsHosts: try settings.list("readsHosts"))
    }
}
