/// What is still to happen in a world of virtual time: the earliest first, and of two at the same instant the one that
/// was planned first.
public struct Agenda<Time: Comparable, Happening> {
    private var entries: [(at: Time, what: Happening)] = []

    /// Nothing is planned.
    public init() {}

    /// When the next thing happens; nil when nothing is planned.
    public var next: Time? { entries.last?.at }

    /// Adds what is to happen at `time`, after what was planned for the same instant before.
    public mutating func plan(_ what: Happening, at time: Time) {
        // Latest first, so that the next one is taken from the end.
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].at <= time { high = middle } else { low = middle + 1 }
        }
        entries.insert((time, what), at: low)
    }

    /// Takes out what happens next; nil when nothing is planned.
    public mutating func takeNext() -> (at: Time, what: Happening)? { entries.popLast() }
}
