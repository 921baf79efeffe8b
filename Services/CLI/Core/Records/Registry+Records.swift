// The records of the registry. Their property names are the keys of `--json`, and those are promised: see
// Services/CLI/Documentation/JSON.md.

extension Registry {
    package struct Site: Sendable, Equatable, Codable {
        package var name: String
    }

    package struct Cloud: Sendable, Equatable, Codable {
        package var name: String
        package var site: String
    }

    package struct Pair: Sendable, Equatable, Codable {
        package var source: String
        package var target: String
        /// Empty: the policy service's default.
        package var policy: String
        /// Guests that appear later are protected by themselves.
        package var autoProtect: Bool
        /// Every guest of the source cloud is meant to be protected.
        package var protectAll: Bool
        package var fence: Fence = .alarm
        package var networks: [Network] = []
    }

    package struct Host: Sendable, Equatable, Codable {
        package var id: String
        package var name: String
        package var cloud: String
        package var endpoint: String
        package var agentVersion: String
        package var hypervisor: String
        package var reachable: Bool
        package var lastSeenUnixMilliseconds: Int64
        package var memoryBytes: UInt64
        package var memoryFreeBytes: UInt64
        package var replicaBytes: UInt64
        package var replicaFreeBytes: UInt64

        /// Removed, and still named by protections that are being removed.
        package var isLeaving: Bool { endpoint.isEmpty }
    }

    package enum Power: String, Sendable, Codable, CaseIterable {
        case running
        case paused
        case shutOff
        case crashed
        case unknown

        package var words: String {
            switch self {
            case .running: "running"
            case .paused: "paused"
            case .shutOff: "shut off"
            case .crashed: "crashed"
            case .unknown: "unknown"
            }
        }
    }

    package struct Disk: Sendable, Equatable, Codable {
        package var target: String
        package var sizeBytes: UInt64
        package var format: String
        package var source: String
    }

    package struct Finding: Sendable, Equatable, Codable {
        package var rule: String
        package var subject: String
        package var message: String
        package var remedy: String
        /// It keeps the guest from being protected.
        package var blocking: Bool
    }

    package struct Guest: Sendable, Equatable, Codable {
        package var uuid: String
        package var name: String
        package var hostID: String
        package var power: Power
        package var memoryBytes: UInt64
        package var virtualCPUs: UInt32
        package var disks: [Disk]
        package var findings: [Finding]
        package var guestAgent: Bool

        /// At most what the type holds, whatever a host reports.
        package var diskBytes: UInt64 {
            disks.reduce(0) { sum, disk in
                let (bytes, isTooMuch) = sum.addingReportingOverflow(disk.sizeBytes)
                return isTooMuch ? .max : bytes
            }
        }
    }

    package enum State: String, Sendable, Codable, CaseIterable {
        case enabling
        case seeding
        case protected
        case paused
        case resynchronizing
        case disabling
        case failingOver
        case commitPending
        case committed
        case reversing
        case unknown

        package var words: String {
            switch self {
            case .failingOver: "failing over"
            case .commitPending: "commit pending"
            case .enabling, .seeding, .protected, .paused, .resynchronizing, .disabling, .committed, .reversing,
                .unknown:
                rawValue
            }
        }
    }

    /// Which side's guest may run.
    package enum Side: String, Sendable, Codable, CaseIterable {
        case source
        case target
        case unknown
    }

    /// What the agent of a side that lost does when its guest runs all the same.
    package enum Fence: String, Sendable, Codable, CaseIterable {
        case alarm
        case disconnect
        case shutDown

        /// As it is typed and shown.
        package var words: String {
            switch self {
            case .alarm: "alarm"
            case .disconnect: "disconnect"
            case .shutDown: "shut-down"
            }
        }
    }

    /// What a guest's network device is connected to at the other site.
    package struct Network: Sendable, Equatable, Codable {
        /// Network, bridge or host device that the guest has at the source.
        package var source: String
        /// Bridge after a failover; empty: the device's link is down.
        package var target: String
        /// Bridge of a test failover; empty: the device's link is down.
        package var testTarget: String
    }

    package struct Protection: Sendable, Equatable, Codable {
        package var id: String
        package var guest: String
        package var guestUUID: String
        package var sourceHost: String
        package var targetHost: String
        package var sourceCloud: String
        package var targetCloud: String
        package var state: State
        /// One sentence: why it is in this state; empty when that needs no saying.
        package var stateReason: String
        /// Replicates from the target back to the source.
        package var reversed: Bool
        package var generation: UInt64
        package var version: UInt64
        /// Empty: the policy of its pair of clouds.
        package var policyOverride: String
        /// By the vault's clock.
        package var createdUnixMilliseconds: Int64 = 0
        package var activeSide: Side = .source
        /// Identifier of the run that holds it; empty: none.
        package var run = ""
        /// The point that the target's guest was started from; 0: none.
        package var failoverCycle: UInt64 = 0
        /// Both sides run the guest: one sentence; empty: nothing is wrong.
        package var alarm = ""

        /// Identifier of the host whose guest may run.
        package var activeHost: String { activeSide == .target ? targetHost : sourceHost }
    }
}
