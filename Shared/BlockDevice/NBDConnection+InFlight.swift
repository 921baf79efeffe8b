extension NBDConnection {
    /// A request that the server has been sent.
    struct InFlight {
        let cookie: Int64
        let request: Request
        let collector: BlockStatusCollector?

        init(_ request: Request, on handle: borrowing NBDHandle) throws {
            self.request = request
            switch request {
            case .read(let buffer, let range, _):
                collector = nil
                let bytes = UnsafeMutableRawBufferPointer(
                    rebasing: buffer.bytes[0..<Int(range.upperBound - range.lowerBound)])
                cookie = try handle.read(into: bytes, at: range.lowerBound)
            case .status(let range, _):
                let collector = BlockStatusCollector(offset: range.lowerBound)
                self.collector = collector
                cookie = try handle.blockStatus(of: range, into: collector)
            }
        }

        func fail(_ error: BlockDeviceError) { request.fail(error) }

        func complete(_ error: BlockDeviceError?) {
            if let error { return request.fail(error) }
            switch request {
            case .read(_, _, let finish): finish(.success(()))
            case .status(_, let finish):
                if collector!.isTooLong {
                    finish(.failure(BlockDeviceError(.invalidReply, "The server answered with too many extents.")))
                } else {
                    finish(.success(collector!.status))
                }
            }
        }
    }
}
