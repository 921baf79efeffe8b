/// What a server says about an export once connected.
struct NBDExport: Sendable {
    let sizeBytes: UInt64
    let allowsManyConnections: Bool
    /// Largest request in bytes.
    let largestRequestBytes: Int
}
