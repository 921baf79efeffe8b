import Glibc
internal import Synchronization

/// A guest's own image as the base of a disk, read and written through a qemu-nbd of ours.
///
/// A reader whose qemu-nbd was killed starts another and goes on. A writer fails: what it had written is not known, and
/// the fold begins again.
final class ServedBaseImage: BaseImage {
    private let image: AdoptedImage
    private let access: ImageServer.Access
    /// nil when closed.
    private let server: Mutex<ImageServer?>
    private let uses = Atomic<Int>(0)

    /// - Parameter beforeRetry: called before an image that somebody else has open is tried again.
    init(_ image: AdoptedImage, access: ImageServer.Access, beforeRetry: () throws -> Void = {}) throws {
        self.image = image
        self.access = access
        server = Mutex(try ImageServer(image, access: access, beforeRetry: beforeRetry))
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
        let size = try sizeBytes()
        let held = Int(min(UInt64(buffer.count), size - min(offset, size)))
        for start in stride(from: 0, to: held, by: ReplicaLimits.servedRequestBytes) {
            let end = min(start + ReplicaLimits.servedRequestBytes, held)
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[start..<end])
            try using("read") { try $0.read(into: part, at: offset + UInt64(start)) }
        }
        UnsafeMutableRawBufferPointer(rebasing: buffer[held...]).initializeMemory(as: UInt8.self, repeating: 0)
    }

    func forEachStretch(in range: Range<UInt64>, _ body: (Range<UInt64>, Bool) throws -> Void) throws {
        let end = min(range.upperBound, max(range.lowerBound, try sizeBytes()))
        var offset = range.lowerBound
        while offset < end {
            let asked = offset..<min(end, offset + ReplicaLimits.servedRangeBytes)
            let before = offset
            for stretch in try using("ask about", { try $0.stretches(in: asked) }) where offset < asked.upperBound {
                let stop = min(asked.upperBound, offset + stretch.length)
                if offset < stop { try body(offset..<stop, stretch.isData) }
                offset = stop
            }
            // A server that says nothing of a range is taken to hold data there.
            if offset == before {
                try body(asked, true)
                offset = asked.upperBound
            }
        }
        if offset < range.upperBound { try body(offset..<range.upperBound, false) }
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws {
        for start in stride(from: 0, to: buffer.count, by: ReplicaLimits.servedRequestBytes) {
            let end = min(start + ReplicaLimits.servedRequestBytes, buffer.count)
            let part = UnsafeRawBufferPointer(rebasing: buffer[start..<end])
            try using("write") { try $0.write(part, at: offset + UInt64(start)) }
        }
    }

    func zero(_ range: Range<UInt64>) throws {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let end = min(range.upperBound, offset + ReplicaLimits.servedRangeBytes)
            try using("zero") { try $0.zero(offset..<end) }
            offset = end
        }
    }

    func synchronize() throws { try using("flush") { try $0.flush() } }

    func sizeBytes() throws -> UInt64 { try current().connections[0].sizeBytes }

    func close() throws {
        let ended = server.withLock { server in
            defer { server = nil }
            return server
        }
        ended?.end()
    }

    private func using<Result>(_ verb: String, _ body: (BlockConnection) throws -> Result) throws -> Result {
        let server = try current()
        do {
            return try body(connection(server))
        } catch let failure as BlockConnection.Failure {
            switch access {
            case .reading where server.isDead:
                do { return try body(connection(try restarted(after: server))) } catch let again
                    as BlockConnection.Failure
                {
                    throw error(verb, again)
                }
            case .reading, .writing: throw error(verb, failure)
            }
        }
    }

    private func connection(_ server: ImageServer) -> BlockConnection {
        let use = uses.wrappingAdd(1, ordering: .relaxed).newValue
        return server.connections[Int(UInt(bitPattern: use) % UInt(server.connections.count))]
    }

    private func current() throws -> ImageServer {
        guard let server = server.withLock({ $0 }) else {
            throw ReplicaError(.needsReopen, "the base image was closed", remedy: "Open the replica or the view again.")
        }
        return server
    }

    private func restarted(after dead: ImageServer) throws -> ImageServer {
        try server.withLock { server in
            if let other = server, other !== dead { return other }
            let next = try ImageServer(image, access: access)
            server = next
            return next
        }
    }

    private func error(_ verb: String, _ cause: any Error) -> ReplicaError {
        ReplicaError(
            .system, "QEMU could not \(verb) the adopted image \(image.path): \(cause)",
            remedy: "Check the image's storage.",
            facts: ["disk": image.target, "path": image.path], cause: cause)
    }
}
