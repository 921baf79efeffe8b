import FoundationEssentials
import Hypervisor
import Messages

extension StartedReplica.Purpose {
    init(_ purpose: ReplicaPurpose) throws {
        switch try RequiredField.choice(purpose, "purpose") {
        case .test: self = .test
        case .failover: self = .failover
        case .unspecified, .UNRECOGNIZED: preconditionFailure("a choice was made")
        }
    }
}

extension TestVerdict {
    /// Only a test is judged: a failover is committed, or not.
    init(_ request: StopReplica) throws {
        switch request.verdict {
        case .unspecified: self = .none
        case .verified: self = .verified
        case .failed: self = .failed
        case .UNRECOGNIZED(let number):
            throw RemoteError(
                .invalidArgument, "verdict is not set to a known value.",
                facts: ["field": "verdict", "value": "\(number)"])
        }
        guard self == .none || request.purpose == .test else {
            throw RemoteError(
                .invalidArgument, "Only a test has a verdict.", remedy: "Leave it out.", facts: ["field": "verdict"])
        }
    }
}

extension StartedReplica.Order {
    init(_ request: StartReplica, generation: UInt64) throws {
        guard request.cycle > 0 else {
            throw RemoteError(
                .invalidArgument, "cycle names no point.", remedy: "List the points and choose one.",
                facts: ["field": "cycle"])
        }
        guard request.networks.count <= HostAgentLimits.networksMaximum else {
            throw RemoteError(
                .invalidArgument, "There are more than \(HostAgentLimits.networksMaximum) network mappings.",
                facts: ["field": "networks", "count": "\(request.networks.count)"])
        }
        self.init(
            purpose: try StartedReplica.Purpose(request.purpose),
            cycle: try RequiredField.count(request.cycle, "cycle"),
            generation: try requiredGeneration(generation), onBase: request.onBase)
    }
}

extension ReplicaGuestRequest.Network {
    /// A test is connected to what is named for tests alone, because production networks must not see it.
    init(_ mapping: NetworkMapping, for purpose: StartedReplica.Purpose) {
        let bridge =
            switch purpose {
            case .test: mapping.testTarget
            case .failover: mapping.target
            }
        self.init(source: mapping.source, target: bridge.isEmpty ? nil : bridge)
    }
}

extension StartedRole.AdoptionOrder {
    init(_ request: AdoptDisks, generation: UInt64) throws {
        self.init(
            guest: try RequiredField.uuid(request.guestUuid, "guest_uuid").uuidString.lowercased(),
            generation: try requiredGeneration(generation),
            cycle: try RequiredField.count(request.cycle, "cycle", from: 1), isDiverged: request.diverged,
            keepsDiverged: request.keepDiverged)
    }
}

extension WorkProgress {
    /// A failure is thrown: it is what the request is answered with.
    init(_ outcome: ReplicaWork.Outcome) throws {
        self.init()
        switch outcome {
        case .underWay(let progress):
            doneBytes = progress.doneBytes
            totalBytes = progress.totalBytes
        case .finished(let progress):
            finished = true
            doneBytes = progress.totalBytes
            totalBytes = progress.totalBytes
        case .failed(let error):
            throw error
        }
    }
}

/// Commands about a protection's sides carry its generation in the envelope.
func requiredGeneration(_ generation: UInt64) throws -> UInt64 {
    guard generation > 0 else {
        throw RemoteError(
            .invalidArgument, "The command carries no generation.",
            remedy: "Put the protection's generation into the envelope.")
    }
    return generation
}
