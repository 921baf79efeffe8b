import Foundation

@testable import Hypervisor

/// Captures of one protection, cycle by cycle, as a policy asks for them.
struct Cycles {
    let protection = UUID().uuidString.lowercased()
    let guest: String
    let driver: any HypervisorDriver
    private(set) var number: UInt64 = 0
    private(set) var committed: UInt64 = 0

    init(guest: String, driver: any HypervisorDriver) {
        self.guest = guest
        self.driver = driver
    }

    /// The next cycle; by itself full the first time and incremental afterwards.
    mutating func open(
        _ kind: CaptureKind? = nil, consistency: CaptureConsistency = .crash
    ) async throws -> CaptureDescription {
        number += 1
        return try await driver.openCapture(
            CaptureRequest(
                protection: protection, guest: guest, cycle: number,
                kind: kind ?? (committed == 0 ? .full : .incremental(parentCycle: committed)),
                consistency: consistency))
    }

    /// The same request again, as after a lost answer.
    func openAgain() async throws -> CaptureDescription {
        try await driver.openCapture(
            CaptureRequest(
                protection: protection, guest: guest, cycle: number, kind: .incremental(parentCycle: committed)))
    }

    mutating func commit() async throws {
        try await driver.verifyCapture(protection: protection, cycle: number)
        try await driver.closeCapture(
            protection: protection, guest: guest, cycle: number, keepCheckpointOfCycle: number)
        committed = number
    }

    func abandon() async throws {
        try await driver.closeCapture(
            protection: protection, guest: guest, cycle: number, keepCheckpointOfCycle: committed)
    }

    func checkpoint(_ cycle: UInt64) -> String {
        CheckpointName(protection: protection, cycle: cycle).description
    }

    /// The code that opening the next cycle fails with; nil when it opens.
    mutating func refusal(_ kind: CaptureKind? = nil) async throws -> HypervisorError? {
        do {
            _ = try await open(kind)
            return nil
        } catch let error as HypervisorError {
            return error
        }
    }
}
