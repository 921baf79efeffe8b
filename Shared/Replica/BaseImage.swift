/// The base of one disk, whatever file holds it. Beyond its end it reads as zeros. Safe to read from any thread.
///
/// Two implementations: `RawBaseImage`, a sparse file of the replica's own; `ServedBaseImage`, a guest's image that is
/// read and written through QEMU.
protocol BaseImage: Sendable {
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws
    /// Runs through a range in order; true stands for stretches that may hold data, false for zeros.
    func forEachStretch(in range: Range<UInt64>, _ body: (Range<UInt64>, Bool) throws -> Void) throws

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws
    /// Makes a range read as zeros, giving its space back where that can be done.
    func zero(_ range: Range<UInt64>) throws
    /// Returns when all that was written is on stable storage.
    func synchronize() throws

    /// Of the disk, as a guest would see it.
    func sizeBytes() throws -> UInt64
    /// Lets go of the image, so that others can open it for writing. Reading is over too; safe to repeat.
    func close() throws
}
