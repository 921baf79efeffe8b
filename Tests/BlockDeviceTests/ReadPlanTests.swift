import Testing

@testable import BlockDevice

struct ReadPlanTests {
    @Test func chunksEndAtMultiplesOfTheChunkSize() {
        let plan = ReadPlan([10..<40, 40..<41, 60..<61], chunkBytes: 16, sizeBytes: 100)
        #expect(Array(plan) == [10..<16, 16..<32, 32..<40, 40..<41, 60..<61])
    }

    @Test func nothingAskedIsNothingPlanned() {
        #expect(Array(ReadPlan([], chunkBytes: 16, sizeBytes: 100)).isEmpty)
    }
}
