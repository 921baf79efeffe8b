/// What a staged log is written to: a file, or under test something that fails or waits when told.
protocol StagingTarget: Sendable {
    /// Asks for writes that bypass the page cache. False: there are none here, and writes go through it.
    func useDirectWrites() -> Bool
    func write(_ bytes: UnsafeRawBufferPointer, at position: UInt64) throws
    /// Reserves space and lengthens the file. False: it cannot here, and nothing is lost by that.
    func reserve(upTo end: UInt64, from start: UInt64) -> Bool
    func truncate(to byteCount: UInt64) throws
    /// Contents and length are on stable storage afterwards.
    func synchronize() throws
}

extension LogFile: StagingTarget {}
