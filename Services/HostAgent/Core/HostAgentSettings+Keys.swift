package import ServiceRuntime

extension HostAgentSettings {
    /// Every setting of `bascule-agent`, the common ones aside.
    package static let keys = [
        SettingKey("name", .required, "this host's name, as people know it"),
        SettingKey("site", .required, "the site it stands at"),
        SettingKey("cloud", .required, "the cloud it belongs to"),
        SettingKey("state", .required, "directory of the agent's own state"),
        SettingKey("replicas", .required, "directory that holds a replica directory per protection"),
        SettingKey("listen", .value("tcp://127.0.0.1:7721"), "where it answers requests"),
        SettingKey("advertise", .value(""), "what others connect to instead of listen"),
        SettingKey("bulkListen", .value("tcp://127.0.0.1:7722"), "where transfers arrive"),
        SettingKey("bulkAdvertise", .value(""), "what workers connect to instead of bulkListen"),
        SettingKey("vault", .value("tcp://127.0.0.1:7701"), "the vault's request endpoint"),
        SettingKey("hypervisor", .value("qemu:///system"), "libvirt's address of this host"),
        SettingKey(
            "nbdkitPlugin", .value(""),
            "path of \(InstalledPlugin.name), which serves recovery points; empty: beside the executable, or in "
                + "../lib/bascule"),
        SettingKey("captureHook", .value(""), "program that is run while a capture is open, before it is used"),
    ]

    package init(_ settings: ServiceSettings) throws {
        let plugin = try settings.text("nbdkitPlugin")
        self.init(
            name: try settings.text("name"), site: try settings.text("site"), cloud: try settings.text("cloud"),
            state: try settings.text("state"), listen: try settings.endpoint("listen"),
            advertise: try settings.text("advertise"), bulkListen: try settings.endpoint("bulkListen"),
            bulkAdvertise: try settings.text("bulkAdvertise"), vault: try settings.endpoint("vault"),
            replicas: try settings.text("replicas"),
            nbdkitPlugin: plugin.isEmpty ? InstalledPlugin.path() ?? "" : plugin,
            captureHook: try settings.text("captureHook"))
    }
}
