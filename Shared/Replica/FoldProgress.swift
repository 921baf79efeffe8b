internal import DeltaLog

/// How much of a fold has been written. Zeros cost nothing and do not count.
package struct FoldProgress: Sendable, Hashable {
    package var doneBytes: UInt64 = 0
    package var totalBytes: UInt64

    init(_ indexes: [ExtentIndex]) {
        totalBytes = indexes.reduce(0) { total, index in
            index.entries.reduce(total) { $1.extent.isZero ? $0 : $0 + $1.extent.length }
        }
    }

    init(doneBytes: UInt64, totalBytes: UInt64) {
        self.doneBytes = doneBytes
        self.totalBytes = totalBytes
    }
}
