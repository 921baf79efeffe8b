import Testing

@testable import ServiceRuntime

struct EndpointRuleTests {
    @Test(arguments: [
        "tcp://127.0.0.1:7701", "tcp://127.255.0.9:1", "tcp://localhost:*", "tcp://[::1]:7701", "ipc:///run/a",
        "inproc://a",
    ])
    func loopbackIsAllowed(endpoint: String) throws {
        try EndpointRule.check(endpoint, of: "listen", allowsNetwork: false)
    }

    @Test(arguments: [
        "tcp://*:7701", "tcp://0.0.0.0:7701", "tcp://192.0.2.7:7701", "tcp://eth0:7701", "tcp://127.0.0.1.example:7701",
        "tcp://1270.0.0.1:7701", "tcp://[::]:7701",
    ])
    func networkIsRefusedUnlessItIsAskedFor(endpoint: String) throws {
        let error = #expect(throws: ServiceSettingsError.self) {
            try EndpointRule.check(endpoint, of: "listen", allowsNetwork: false)
        }
        #expect(error?.code == .insecureEndpoint)
        try EndpointRule.check(endpoint, of: "listen", allowsNetwork: true)
    }

    @Test(arguments: [
        "", "127.0.0.1:7701", "tcp://", "tcp://127.0.0.1", "tcp://:7701", "tcp://127.0.0.1:0", "tcp://a:99999",
        "udp://127.0.0.1:1",
    ])
    func whatIsNoEndpointIsRefused(endpoint: String) {
        let error = #expect(throws: ServiceSettingsError.self) {
            try EndpointRule.check(endpoint, of: "listen", allowsNetwork: true)
        }
        #expect(error?.code == .badValue)
    }
}
