/// What a server said about a stretch of a disk: per metadata context a list of lengths and flags, from one offset on.
struct BlockStatus: Sendable {
    /// Lengths in bytes and flags, as in the NBD protocol.
    struct Entry: Sendable, Hashable {
        let length: UInt64
        let flags: UInt64

        static let readsAsZero: UInt64 = 2  // base:allocation, NBD_STATE_ZERO
        static let dirty: UInt64 = 1  // qemu:dirty-bitmap
    }

    let offset: UInt64
    private(set) var contexts: [String: [Entry]] = [:]

    init(offset: UInt64, contexts: [String: [Entry]] = [:]) {
        self.offset = offset
        self.contexts = contexts
    }

    mutating func append(_ entries: [Entry], to context: String) {
        contexts[context, default: []] += entries
    }

    /// Joins what the contexts say into extents that have to be sent, up to `end` and up to `limit` of them.
    ///
    /// Servers may answer less than was asked, each context differently, and QEMU rounds beyond the question: the page
    /// ends where the shortest answer does.
    func page(upTo end: UInt64, bitmapContext: String?, limit: Int) throws -> ChangedExtentPage {
        var allocation = try cursor(over: BlockContext.allocation)
        var bitmap = try bitmapContext.map(cursor)
        var merger = ExtentMerger(limit: limit)
        var position = offset
        while position < end, !merger.isFull {
            guard let data = allocation.entry(at: position) else { break }
            var stretchEnd = min(end, data.end)
            var isChanged = true
            if bitmap != nil {
                guard let changed = bitmap!.entry(at: position) else { break }
                stretchEnd = min(stretchEnd, changed.end)
                isChanged = changed.flags & Entry.dirty != 0
            }
            if isChanged {
                merger.append(
                    ChangedExtent(
                        offset: position, length: stretchEnd - position,
                        kind: data.flags & Entry.readsAsZero != 0 ? .zero : .data))
            }
            position = stretchEnd
        }
        guard position > offset else {
            throw BlockDeviceError(.invalidReply, "The server said nothing about offset \(offset).")
        }
        return ChangedExtentPage(extents: merger.extents, end: position)
    }

    private func cursor(over context: String) throws -> Cursor {
        guard let entries = contexts[context] else {
            throw BlockDeviceError(.invalidReply, "The server's answer lacks the context \(context).")
        }
        guard entries.allSatisfy({ $0.length > 0 }) else {
            throw BlockDeviceError(.invalidReply, "The server answered with an empty extent.")
        }
        return Cursor(entries: entries, start: offset)
    }

    /// Walks forward over the entries of one context.
    private struct Cursor {
        let entries: [Entry]
        var start: UInt64
        var index = 0

        init(entries: [Entry], start: UInt64) {
            self.entries = entries
            self.start = start
        }

        mutating func entry(at position: UInt64) -> (end: UInt64, flags: UInt64)? {
            while index < entries.count, position >= start + entries[index].length {
                start += entries[index].length
                index += 1
            }
            guard index < entries.count else { return nil }
            return (start + entries[index].length, entries[index].flags)
        }
    }
}
