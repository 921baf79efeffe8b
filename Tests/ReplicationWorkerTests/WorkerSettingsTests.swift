import ServiceRuntime
import Testing

@testable import ReplicationWorker

@Suite struct WorkerSettingsTests {
    private func advertised(_ advertise: String, bound: String = "tcp://0.0.0.0:7731") -> String {
        WorkerSettings(name: "w", policy: "tcp://127.0.0.1:1", listen: bound, advertise: advertise)
            .advertised(bound: bound)
    }

    @Test func othersAreToldOfTheBoundEndpointUnlessAnotherIsNamed() {
        #expect(advertised("") == "tcp://\(MachineName.current):7731")
        #expect(advertised("", bound: "tcp://127.0.0.1:7731") == "tcp://127.0.0.1:7731")
        #expect(advertised("tcp://worker-1:7731") == "tcp://worker-1:7731")
    }

    @Test func aWorkerThatNobodyCanConnectToTellsOfNoEndpoint() {
        #expect(advertised("none") == "")
    }
}
