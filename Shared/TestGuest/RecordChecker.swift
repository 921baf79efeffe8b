import Foundation

/// Proves that images of a guest's disks, taken at one instant, hold an unbroken sequence of whole records.
///
/// Independent of Bascule: it reads plain files.
package struct RecordChecker: Sendable {
    package let layout: RecordLayout

    package init(layout: RecordLayout) { self.layout = layout }

    /// - Parameter images: raw images of the record disks, in their order.
    /// - Returns: the number of the newest record; 0 when there is none.
    /// - Throws: `TestGuestError` with code `brokenRecords` that names the first record that is torn, stale or absent.
    package func check(images: [String]) throws -> UInt64 {
        precondition(images.count == layout.diskCount, "one image per record disk")
        let areas = try images.map { path -> [UInt8] in
            guard let handle = FileHandle(forReadingAtPath: path) else {
                throw broken("\(path) cannot be read")
            }
            defer { handle.closeFile() }
            return Array(handle.readData(ofLength: Int(layout.areaBytes)))
        }
        var newest: UInt64 = 0
        for (disk, area) in areas.enumerated() {
            guard area.count == Int(layout.areaBytes) else { throw broken("image \(disk) is shorter than its records") }
            var offset = 0
            while offset < area.count {
                if let number = try record(in: area, at: offset, disk: disk) { newest = max(newest, number) }
                offset += Int(RecordLayout.recordBytes)
            }
        }
        // Every place must hold the newest of the records that belong there: so nothing is missing and nothing is stale.
        let oldest = newest > layout.capacity ? newest - layout.capacity + 1 : 1
        var number = oldest
        while number <= newest {
            let disk = layout.disk(of: number)
            let found = try record(in: areas[disk], at: Int(layout.offset(of: number)), disk: disk)
            guard found == number else {
                throw broken(
                    "record \(number) of \(newest) is \(found.map { "overwritten by record \($0)" } ?? "absent")")
            }
            number += 1
        }
        return newest
    }

    /// The record at an offset; nil where there is none.
    private func record(in area: [UInt8], at offset: Int, disk: Int) throws -> UInt64? {
        try area.withUnsafeBytes { bytes in
            let words = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + Int(RecordLayout.recordBytes)])
            func word(_ index: Int) -> UInt64 {
                UInt64(littleEndian: words.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
            }
            let magic = word(0)
            if magic == 0 {
                guard words.allSatisfy({ $0 == 0 }) else { throw broken("disk \(disk), offset \(offset): torn record") }
                return nil
            }
            guard words.prefix(8).elementsEqual("BSCREC01".utf8) else {
                throw broken("disk \(disk), offset \(offset): neither a record nor empty")
            }
            var sum: UInt64 = 0xcbf2_9ce4_8422_2325
            let last = Int(RecordLayout.recordBytes) / 8 - 1
            for index in 0..<last { sum = (sum ^ word(index)) &* 0x100_0000_01b3 }
            let number = word(1)
            guard sum == word(last) else { throw broken("disk \(disk), offset \(offset): record \(number) is torn") }
            guard number > 0, layout.disk(of: number) == disk, layout.offset(of: number) == UInt64(offset) else {
                throw broken("disk \(disk), offset \(offset): record \(number) does not belong there")
            }
            return number
        }
    }

    private func broken(_ message: String) -> TestGuestError {
        TestGuestError(.brokenRecords, message, remedy: "compare this image with what the guest's disk held then")
    }
}
