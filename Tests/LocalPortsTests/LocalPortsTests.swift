import Foundation
import Testing

@testable import LocalPorts

@Suite struct LocalPortsTests {
    @Test(
        arguments: [
            ("32768\t60999\n", 10_000...32_767), ("1024 65535", 10_000...65_535), ("10500 60999", 61_000...65_535),
            ("11000 60999", 10_000...10_999), ("10999 65000", 10_000...65_535), ("", 10_000...65_535),
        ] as [(String, ClosedRange<UInt16>)])
    func portsAreOutsideOfTheKernelsRange(kernel: String, range: ClosedRange<UInt16>) {
        #expect(LocalPorts.range(besides: kernel) == range)
    }

    @Test func noneComesTwice() throws {
        var seen: Set<UInt16> = []
        for _ in 0..<50 { seen.formUnion(try LocalPorts.free(count: 3)) }
        #expect(seen.count == 150)
        let kernel = try String(contentsOfFile: "/proc/sys/net/ipv4/ip_local_port_range", encoding: .utf8)
        #expect(seen.allSatisfy(LocalPorts.range(besides: kernel).contains))
    }

    @Test func oneThatIsTakenIsLeftOut() throws {
        let port = try #require(try LocalPorts.free(count: 1).first)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(bound == 0)
        #expect(try !LocalPorts.isFree(port))
    }

    /// As another process would claim them.
    @Test func noneOfABlockOfAnotherProcessIsGiven() throws {
        let port = try #require(try LocalPorts.free(count: 1).first)
        let kernel = try String(contentsOfFile: "/proc/sys/net/ipv4/ip_local_port_range", encoding: .utf8)
        let range = LocalPorts.range(besides: kernel)
        // What follows, and some of which other tests may have been given meanwhile.
        let ahead = (1...10).map {
            UInt16((Int(port) - Int(range.lowerBound) + $0 * 64) % range.count) + range.lowerBound
        }
        let names = Set(ahead.map(LocalPorts.claim))
        var claims: [String: Int32] = [:]
        for name in names { claims[name] = try LocalPorts.bindAbstract(name) }
        defer { for descriptor in claims.values { close(descriptor) } }
        try #require(claims.count > 2)
        #expect(try LocalPorts.free(count: 640).allSatisfy { claims[LocalPorts.claim(ofPort: $0)] == nil })
    }

    @Test func moreThanThereAreIsAnErrorThatSaysHowMany() {
        #expect { try LocalPorts.free(count: 70_000) } throws: { error in
            "\(error)".contains("70000 are needed") && "\(error)".contains("End programs")
        }
    }
}
