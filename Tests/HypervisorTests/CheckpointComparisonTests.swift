import Testing

@testable import Hypervisor

struct CheckpointComparisonTests {
    private func code(_ before: [String: UInt64], _ now: [String: UInt64]) -> HypervisorError.Code? {
        do {
            try CheckpointComparison(atCheckpoint: before, now: now).check()
            return nil
        } catch {
            return (error as? HypervisorError)?.code
        }
    }

    @Test func everyChangeOfDisksIsNamed() {
        #expect(code(["vda": 1], ["vda": 1]) == nil)
        #expect(code(["vda": 1], ["vda": 2]) == .needsCompare)
        #expect(code(["vda": 1], ["vda": 1, "vdb": 1]) == .needsFull)
        #expect(code(["vda": 1, "vdb": 1], ["vda": 1]) == .needsCompare)
        // Added and removed at once: the target has nothing of the new one.
        #expect(code(["vda": 1], ["vdb": 1]) == .needsFull)
    }
}
