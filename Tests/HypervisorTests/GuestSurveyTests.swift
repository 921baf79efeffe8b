import Testing

@testable import Hypervisor

/// One guest must not cost the others their place in a report.
@Suite struct GuestSurveyTests {
    private func guest(_ name: String) -> GuestDescription {
        GuestDescription(
            uuid: name, name: name, power: .running, memoryBytes: 1, virtualCPUs: 1, disks: [], findings: [],
            hasGuestAgent: false, definition: "", startsWithHost: false)
    }

    private func survey(
        _ examine: (String, GuestSurvey.Depth) throws -> Void
    ) throws -> (described: [String], passedOver: [String]) {
        var passedOver: [String] = []
        let described = try GuestSurvey.describe(["web", "mail", "db"]) { name, depth in
            try examine(name, depth)
            return guest(name)
        } passedOver: { name, _ in
            passedOver.append(name)
        }
        return (described.map(\.name), passedOver)
    }

    /// libvirt 9.0: "backup job data missing", when a job begins or ends while its statistics are read.
    @Test(arguments: [HypervisorError.Code.operationFailed, .timedOut])
    func aGuestWhoseJobsCannotBeReadIsDescribedWithoutThem(code: HypervisorError.Code) throws {
        let result = try survey { name, depth in
            if name == "mail", depth != .withoutJobs {
                throw HypervisorError(code, "The job could not be read.", cause: "backup job data missing")
            }
        }
        #expect(result.described == ["db", "mail", "web"] && result.passedOver == ["mail"])
    }

    /// A failover asks for one guest, and must not pass over its shutdown because a capture begins.
    @Test(arguments: [HypervisorError.Code.operationFailed, .timedOut])
    func oneGuestIsDescribedWithoutItsJobsToo(code: HypervisorError.Code) throws {
        var depths: [GuestSurvey.Depth] = []
        var passedOver: [HypervisorError.Code] = []
        let described = try GuestSurvey.describe(one: "mail") { name, depth in
            depths.append(depth)
            if depth == .usual { throw HypervisorError(code, "The job could not be read.") }
            return guest(name)
        } passedOver: {
            passedOver.append($1.code)
        }
        #expect(described.name == "mail" && depths == [.usual, .withoutJobs] && passedOver == [code])
    }

    @Test func oneGuestThatIsGoneIsSaid() throws {
        let error = try #require(throws: HypervisorError.self) {
            try GuestSurvey.describe(one: "mail") { _, _ in
                throw HypervisorError(.guestNotFound, "gone")
            } passedOver: { _, _ in
            }
        }
        #expect(error.code == .guestNotFound)
    }

    @Test func aGuestThatIsGoneIsLeftOut() throws {
        for depths in [[GuestSurvey.Depth.usual], [.withoutJobs]] {
            let result = try survey { name, depth in
                guard name == "mail" else { return }
                if depths.contains(depth) { throw HypervisorError(.guestNotFound, "gone") }
                throw HypervisorError(.operationFailed, "going")
            }
            #expect(result.described == ["db", "web"] && result.passedOver.isEmpty)
        }
    }

    /// A list without it would say that it is gone.
    @Test func aGuestThatCannotBeDescribedAtAllFailsTheList() throws {
        let error = try #require(throws: HypervisorError.self) {
            try survey { name, _ in if name == "mail" { throw HypervisorError(.operationFailed, "unreadable") } }
        }
        #expect(error.message == "unreadable")
    }

    @Test func aHypervisorThatIsAwayIsAskedOnce() throws {
        var asked = 0
        #expect(throws: HypervisorError.self) {
            try survey { _, _ in
                asked += 1
                throw HypervisorError(.unavailable, "away")
            }
        }
        #expect(asked == 1)
    }
}
