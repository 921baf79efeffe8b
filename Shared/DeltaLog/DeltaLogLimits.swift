/// Every bound of the format and of the code that reads and writes it. The first group is part of the format.
package enum DeltaLogLimits {
    // MARK: Format

    /// Disk data of one data record. Because reading 4 KiB opens a whole record, and a worker holds a few of them.
    package static let dataBytesPerRecord = 1 << 20
    /// Because that is the smallest unit a guest can write, so offsets and lengths are multiples of it.
    package static let sectorBytes: UInt64 = 512
    /// A zero record covers at most this much: its length is kept in sectors, in 32 bits, in the index.
    package static let zeroBytesPerRecord: UInt64 = 1 << 40
    /// QEMU's own limit is below this; the sum of any offset and length stays far from overflow.
    package static let diskBytes: UInt64 = 1 << 60
    package static let disks = 64
    package static let targetNameBytes = 32
    /// Cycles that one merged log can hold records of. Because a slot is named by 16 bits in the index.
    package static let keySlots = 65_535
    package static let definitionBytes = 1 << 20
    /// Twice the largest UEFI variable store seen on x86-64, with room to spare.
    package static let nvramBytes = 8 << 20
    /// 2 GiB of index. Because an extent takes 32 bytes, on disk and in memory.
    package static let extents = 1 << 26
    package static let indexBytesPerExtent = 32
    /// Unit of direct writes, and what the trailer's block and the end of the index are aligned to.
    package static let blockBytes = 4096

    // MARK: Writer

    /// Attempts that one log accepts records of, abandoned ones included.
    package static let attempts = 65_536
    /// One staging buffer. Larger ones write no faster; smaller ones cost more calls.
    package static let stagingBufferBytes = 2 << 20
    /// Staging buffers of one log, and so its direct writes in flight.
    package static let stagingBuffersPerLog = 8
    /// Staging buffers of the whole process beyond the first of each log: 48 MiB.
    package static let sharedStagingBuffers = 24
    /// Buffers kept for the next log when none is being written, because touching fresh memory costs as much as copying.
    package static let keptStagingBuffers = 8
    /// Space is reserved ahead of the records in steps that double between these.
    static let firstReservationBytes: UInt64 = 16 << 20
    static let reservationBytes: UInt64 = 256 << 20

    // MARK: Reader

    /// Index bytes read at a time while it is checked.
    package static let indexReadBytes = 1 << 20
    /// Records are announced to the system this far ahead of their reading.
    static let readAheadBytes = 8 << 20
    /// Decoded records kept for the next read near by, process-wide. Each holds at most 2.1 MiB.
    package static let keptDecodedRecords = 8
    /// Logs that one merge takes. Because each is an open file.
    package static let logsPerMerge = 512
}
