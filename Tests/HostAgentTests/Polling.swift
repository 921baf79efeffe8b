import Foundation
import Messages

/// Asks again until `condition` holds, or a minute is over: a machine that builds at the same time is slow.
func poll(_ what: String, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw TimedOut(what: what) }
        // Waits by the clock because what is asked about has no event to wait for.
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// Bytes that do not compress and do not repeat.
func randomBytes(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    bytes.withUnsafeMutableBytes { buffer in
        for offset in stride(from: 0, to: count - 7, by: 8) {
            buffer.storeBytes(of: UInt64.random(in: .min ... .max), toByteOffset: offset, as: UInt64.self)
        }
    }
    return bytes
}

struct TimedOut: Error { var what: String }

/// The code of the error that `body` is answered with.
func refusal(_ body: () async throws -> some Any) async -> ErrorCode? {
    do {
        _ = try await body()
        return nil
    } catch {
        if ProcessInfo.processInfo.environment["H5"] != nil { print("REFUSED", error) }
        return (error as? RemoteError)?.code
    }
}
