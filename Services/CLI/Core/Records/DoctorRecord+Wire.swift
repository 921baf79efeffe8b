package import Messages

extension DoctorRecord {
    package init(host: String, wire: DoctorReport.Item) {
        self.init(host: host, name: wire.name, passed: wire.passed, detail: wire.detail, remedy: wire.remedy)
    }
}
