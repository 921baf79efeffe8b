/// When points were captured, as retention believes it: the source's clock may have been wrong for some of them.
///
/// One that was ahead would hold up everything after it until its time comes, and one that was behind would be retired
/// while the points around it are young. So times rise with the cycles, and none is after now:
///
/// 1. A time after now cannot be. It becomes the next point's; after the newest, now.
/// 2. A time before the one of the point before it becomes that one's. What stays in doubt is kept too long rather than
///    not long enough: of two points in the wrong order, neither after now, the later one is taken for the one behind.
///
/// The other way round, with rule 2 first, one point that is ahead would make all later ones look as if they came from
/// now; and were an earlier time always lowered to the one after it, one point behind would retire all before it.
struct CaptureTimes: Sendable, Equatable {
    let rising: [Int64]

    /// - Parameters:
    ///   - times: by ascending cycle, in milliseconds since 1970.
    ///   - now: the clock of this host.
    init(_ times: [Int64], now: Int64) {
        var rising = times
        var next = now
        for index in rising.indices.reversed() {
            if rising[index] > now { rising[index] = next }
            next = rising[index]
        }
        for index in rising.indices.dropFirst() { rising[index] = max(rising[index], rising[index - 1]) }
        self.rising = rising
    }
}
