import Synchronization

/// Reads an NBD export over several connections with many requests under way.
package final class NBDBlockReader: BlockReader {
    package let sizeBytes: UInt64
    private let largestRequestBytes: Int
    private let connections: [NBDConnection]
    private let buffers = ReadBufferPool()

    private init(export: NBDExport, connections: [NBDConnection]) {
        sizeBytes = export.sizeBytes
        largestRequestBytes = export.largestRequestBytes
        self.connections = connections
    }

    deinit {
        for connection in connections { connection.stop() }
    }

    /// Opens one connection, and more when the server allows them.
    static func open(
        uri: String, contexts: [String], options: NBDConnectionOptions
    ) async throws -> NBDBlockReader {
        let all = [BlockContext.allocation] + contexts
        let (first, export) = try await NBDConnection.open(uri: uri, contexts: all, options: options)
        var connections = [first]
        do {
            while export.allowsManyConnections, connections.count < options.connections {
                // Further ones only read: contexts are asked about on the first.
                let (next, seen) = try await NBDConnection.open(uri: uri, contexts: [], options: options)
                connections.append(next)
                guard seen.sizeBytes == export.sizeBytes else {
                    throw BlockDeviceError(.invalidReply, "The server changed the size of the disk.")
                }
            }
        } catch {
            for connection in connections { await connection.close() }
            throw error
        }
        return NBDBlockReader(export: export, connections: connections)
    }

    package func changedExtents(in range: Range<UInt64>, bitmapContext: String?) async throws -> ChangedExtentPage {
        precondition(!range.isEmpty && range.upperBound <= sizeBytes)
        let end = min(range.upperBound, range.lowerBound + BlockDeviceLimits.statusRequestBytes)
        let asked = range.lowerBound..<end
        let status: BlockStatus = try await withCheckedThrowingContinuation { continuation in
            connections[0].submit(.status(range: asked) { continuation.resume(with: $0.mapError { $0 as any Error }) })
        }
        return try status.page(
            upTo: end, bitmapContext: bitmapContext, limit: BlockDeviceLimits.extentsPerPage)
    }

    package func read(
        _ ranges: [Range<UInt64>], options: ReadOptions,
        deliver: (UInt64, UnsafeRawBufferPointer) async throws -> Void
    ) async throws {
        let chunkBytes = min(options.chunkBytes, largestRequestBytes)
        var plan = ReadPlan(ranges, chunkBytes: chunkBytes, sizeBytes: sizeBytes)
        let arrivals = ReadArrivals()
        var window = ReadWindow(options)
        var submitted: UInt64 = 0
        var delivered: UInt64 = 0
        var following = plan.next()
        while true {
            while let chunk = following, window.admits(chunk.count) {
                window.began(chunk.count)
                submit(chunk, number: submitted, to: arrivals)
                submitted += 1
                following = plan.next()
            }
            guard delivered < submitted else { return }
            let (buffer, chunk) = try await arrivals.next(delivered)
            defer { buffers.giveBack(buffer) }
            try await deliver(chunk.lowerBound, UnsafeRawBufferPointer(rebasing: buffer.bytes[0..<chunk.count]))
            delivered += 1
            window.ended(chunk.count)
        }
    }

    private func submit(_ chunk: Range<UInt64>, number: UInt64, to arrivals: ReadArrivals) {
        let buffer = buffers.take(byteCount: chunk.count)
        let connection = connections[Int(number % UInt64(connections.count))]
        connection.submit(
            .read(buffer: buffer, range: chunk) { arrivals.arrived(number, $0.map { (buffer, chunk) }) })
    }

    package func close() async {
        for connection in connections { connection.stop() }
        for connection in connections { await connection.close() }
    }
}
