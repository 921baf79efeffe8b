import Testing

@testable import MessageBus

@Suite struct PeerEndpointTests {
    @Test(arguments: ["vault", "agent-a.site-b.example", "localhost", "a_b", "10.0.0.1.example", "0x7f"])
    func aNameIsToBeLookedUp(host: String) {
        #expect(PeerEndpoint("tcp://\(host):7701") == .named(host: host, port: "7701"))
    }

    @Test(arguments: [
        "tcp://127.0.0.1:7701", "ipc:///run/bascule/vault", "tcp://[::1]:7701", "tcp://10.0.0.1;vault:7701",
        "tcp://*:7701",
        // What libzmq refuses, it refuses itself.
        "tcp://vault", "tcp://vault:", "tcp://vault:0", "tcp://vault:70000", "tcp://vault:http", "tcp://:7701",
        "tcp://va ult:1", "tcp://vault:1:2", "tcp://vault:+1", "tcp://vault:*", "http://vault:80", "",
    ])
    func everythingElseIsForLibzmq(endpoint: String) {
        #expect(PeerEndpoint(endpoint) == .fixed(endpoint))
    }
}
