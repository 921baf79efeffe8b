import Foundation
import Testing

@testable import Hypervisor

@Suite struct FrozenMarkTests {
    @Test func aMarkHoldsForTheRunThatItNames() throws {
        let directory = CaptureDirectory("/tmp/bascule-mark-\(UInt32.random(in: 0 ... .max))")
        try directory.prepare(owner: nil)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: directory.path) } }
        func run(_ number: UInt32?) -> GuestRun { GuestRun(number: number, isEnding: false) }
        #expect(!directory.isMarkedFrozen("g") && !directory.mayBeFrozen("g", in: run(3)))
        try directory.markFrozen("g", in: run(3))
        #expect(directory.isMarkedFrozen("g") && directory.mayBeFrozen("g", in: run(3)))
        #expect(!directory.mayBeFrozen("g", in: run(4)) && !directory.mayBeFrozen("g", in: run(nil)))
        // Of an agent that did not note the run.
        #expect(FileManager.default.createFile(atPath: directory.frozenMark("g"), contents: nil))
        #expect(directory.mayBeFrozen("g", in: run(4)) && !directory.mayBeFrozen("g", in: run(nil)))
    }
}
