import Glibc
import Synchronization

/// Look-ups by getaddrinfo(3), each on a thread of its own: it blocks for as long as a name server keeps silent (20 s and
/// more), and cannot be called off.
final class SystemLookups: Sendable {
    private let limits: SystemLookupLimits
    private let underWay = Mutex<[String: Int]>([:])

    init(limits: SystemLookupLimits) { self.limits = limits }

    func begin(_ host: String, answer: @escaping NameResolver.Answer) {
        guard take(host) else {
            return answer(.failed("too many look-ups are under way; the name server does not answer"))
        }
        do throws(ThreadStartError) {
            pthread_detach(
                try startThread(name: "look-up") { [self] in
                    let outcome = Self.look(host)
                    release(host)
                    answer(outcome)
                })
        } catch {
            release(host)
            answer(.failed("no thread could be started: errno \(error.errorNumber)"))
        }
    }

    private func take(_ host: String) -> Bool {
        underWay.withLock { underWay in
            let ofHost = underWay[host, default: 0]
            let ofAll = underWay.values.reduce(0, +)
            guard ofHost < limits.lookupsOfOneName, ofAll < limits.lookups else { return false }
            underWay[host] = ofHost + 1
            return true
        }
    }

    private func release(_ host: String) {
        underWay.withLock { underWay in
            guard let count = underWay[host] else { preconditionFailure("a look-up ended that never began") }
            underWay[host] = count > 1 ? count - 1 : nil
        }
    }

    private static func look(_ host: String) -> NameResolver.Outcome {
        var hints = addrinfo()
        hints.ai_family = AF_INET
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        let outcome = getaddrinfo(host, nil, &hints, &first)
        guard outcome == 0 else { return .failed(String(cString: gai_strerror(outcome))) }
        defer { freeaddrinfo(first) }
        var addresses: [String] = []
        var next = first
        while let entry = next {
            if let address = text(of: entry.pointee), !addresses.contains(address) { addresses.append(address) }
            next = entry.pointee.ai_next
        }
        return addresses.isEmpty ? .failed("it has no IPv4 address") : .addresses(addresses)
    }

    private static func text(of entry: addrinfo) -> String? {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let outcome = getnameinfo(
            entry.ai_addr, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        guard outcome == 0 else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
