/// How much of a read is under way, against what may be.
///
/// Invariant: at most `options.requestsInFlight` requests, and at most `options.bytesInFlight` bytes unless it is a
/// single request.
struct ReadWindow {
    let options: ReadOptions
    private(set) var requests = 0
    private(set) var bytes = 0

    init(_ options: ReadOptions) {
        self.options = options
    }

    func admits(_ byteCount: Int) -> Bool {
        requests == 0 || (requests < options.requestsInFlight && bytes + byteCount <= options.bytesInFlight)
    }

    mutating func began(_ byteCount: Int) {
        precondition(admits(byteCount))
        requests += 1
        bytes += byteCount
    }

    mutating func ended(_ byteCount: Int) {
        requests -= 1
        bytes -= byteCount
    }
}
