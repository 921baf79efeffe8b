import Testing

@testable import Policy

@Suite struct RateMeterTests {
    @Test func `a steady stream shows its rate, and silence shows none`() {
        var meter = RateMeter()
        for second in 0..<20 { meter.add(1_000, at: Samples.start + Int64(second) * 1_000) }
        let rate = meter.bytesPerSecond(at: Samples.start + 19_500)
        #expect((800...1_200).contains(rate), "\(rate)")
        #expect(meter.bytesPerSecond(at: Samples.start + 60_000) == 0)
    }

    /// What is shown beside a bandwidth limit must not be above it when the limit is kept.
    @Test(arguments: 1...20)
    func `a rate is shown as it is from the first report on`(reports: Int) {
        var meter = RateMeter()
        for second in 1...reports { meter.add(1_000, at: Samples.start + Int64(second) * 1_000) }
        #expect(meter.bytesPerSecond(at: Samples.start + Int64(reports) * 1_000) == 1_000)
        #expect(meter.bytesPerSecond(at: Samples.start + Int64(reports) * 1_000 + 999) <= 1_000)
    }

    @Test func `many small reports take no more room than few`() {
        var meter = RateMeter()
        for step in 0..<10_000 { meter.add(1, at: Samples.start + Int64(step)) }
        #expect((800...1_300).contains(meter.bytesPerSecond(at: Samples.start + 10_000)))
    }

    /// What a worker tells comes from outside.
    @Test func `counts beyond all reason stop nobody`() {
        var meter = RateMeter()
        for step in 0..<20 { meter.add(.max, at: Samples.start + Int64(step) * 300) }
        #expect(meter.bytesPerSecond(at: Samples.start + 6_000) == 1_000_000_000_000_000_000)
    }
}
