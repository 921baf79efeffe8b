package import ServiceRuntime

extension WorkerSettings {
    /// Every setting of `bascule-worker`, the common ones aside.
    package static let keys = [
        SettingKey("name", .required, "this worker's name, as people know it"),
        SettingKey("policy", .value("tcp://127.0.0.1:7711"), "the policy service's request endpoint"),
        SettingKey("listen", .value("tcp://127.0.0.1:7731"), "where it answers health requests"),
        SettingKey(
            "slots", .value("\(ReplicationWorkerLimits.slotsDefault)"),
            "jobs at once, 1 to \(ReplicationWorkerLimits.slotsMaximum)"),
        SettingKey("readsHosts", .value(""), "hosts whose guests' disks it can read, by name; empty: every host"),
    ]

    package init(_ settings: ServiceSettings) throws {
        self.init(
            name: try settings.text("name"), policy: try settings.endpoint("policy"),
            listen: try settings.endpoint("listen"),
            slots: try settings.number("slots", in: 1...ReplicationWorkerLimits.slotsMaximum),
            readsHosts: try settings.list("readsHosts"))
    }
}
