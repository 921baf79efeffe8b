/// Ages of the newest point, sampled while points are made: what would be lost if the source were lost now.
package struct RecoveryPointObjective: Sendable, Equatable, Codable {
    private var ages: [Int64] = []

    package init() {}

    package mutating func note(ageMilliseconds age: Int64) { ages.append(age) }

    package var samples: Int { ages.count }
    package var medianMilliseconds: Int64? { percentile(50) }
    package var largestMilliseconds: Int64? { ages.max() }

    /// The smallest age that `percent` of the samples do not exceed (nearest rank); nil without samples.
    package func percentile(_ percent: Int) -> Int64? {
        precondition((1...100).contains(percent), "a percentile is between 1 and 100")
        guard !ages.isEmpty else { return nil }
        let rank = (ages.count * percent + 99) / 100
        return ages.sorted()[rank - 1]
    }
}
