import Pages
import Testing

@testable import FailoverOrchestrator
@testable import HostAgent
@testable import MessageBus
@testable import Policy
@testable import ReplicationWorker
@testable import Vault

/// The numbers of Protocol.md are the limits in the code. Every row is compared, so that a new one is not forgotten.
@Suite struct ProtocolNumbersTests {
    private static let page = "Shared/Messages/Protocol.md"
    private static let client = RequestClientLimits()
    private static let server = RequestServerLimits()
    private static let bulk = BulkServerLimits()
    private static let channel = BulkChannelLimits()
    private static let names = NameLimits()

    /// By row of “Timers”: the durations that its value names, in order, each with every limit that has to be so long.
    private static let timers: [String: [[Duration]]] = [
        "request deadline, usual": [[UsualDeadlines.request]],
        "first repetition, then doubling up to": [[client.firstRetry], [client.longestRetry]],
        "control heartbeat": [[client.heartbeatInterval]],
        "silence of a server or publisher": [[client.silenceLimit, SubscriberLimits().silenceLimit]],
        "event heartbeat": [[PublisherLimits().heartbeatInterval]],
        "ZMTP heartbeat on control sockets": [
            [ms(ConnectionTimes.heartbeatMilliseconds)], [ms(ConnectionTimes.heartbeatLimitMilliseconds)],
        ],
        "ZMTP handshake": [[ms(ConnectionTimes.handshakeMilliseconds)]],
        "reconnection": [
            [ms(ConnectionTimes.reconnectMilliseconds)], [ms(ConnectionTimes.reconnectMaximumMilliseconds)],
        ],
        "port in use": [[BindTimes.patience]],
        "answer of a resolver": [[names.answerLimit]],
        "name not found": [[names.firstPause], [names.longestPause]],
        "peer with a name not reached": [[names.connectLimit]],
        "bulk welcome": [[channel.openDeadline]],
        "bulk hello refused for want of room": [
            [ReplicationWorkerLimits.helloInterval],
            [ReplicationWorkerLimits.helloPatience, ms(PolicyLimits.stalledMilliseconds)],
        ],
        "bulk heartbeat": [[channel.heartbeatInterval, bulk.heartbeatInterval]],
        "bulk silence": [[channel.silenceLimit], [bulk.silenceLimit]],
        "`stored`, `hashes`": [[UsualDeadlines.stored], [UsualDeadlines.hashes]],
        "inventory report": [[HostAgentLimits.reportInterval]],
        "silence of a host": [[ms(VaultLimits.hostSilenceMilliseconds)]],
        "capture kept": [
            [ms(PolicyLimits.captureKeepMilliseconds), ms(HostAgentLimits.captureKeepMillisecondsDefault)],
            [ms(PolicyLimits.longCaptureKeepMilliseconds)],
            [ms(PolicyLimits.captureKeepEveryMilliseconds)],
            [ms(HostAgentLimits.captureKeepMillisecondsMaximum), ms(PolicyLimits.captureKeepInDoubtMilliseconds)],
        ],
        "view kept": [[ms(HostAgentLimits.viewKeepMillisecondsMaximum)]],
        "`PullJobs` wait": [[ms(PolicyLimits.pullWaitMillisecondsMaximum)]],
        "fenced guest's shutdown": [[HostAgentLimits.fenceShutdownLimit]],
        "end of a guest that is wanted on and was told to shut down": [
            [ms(HostAgentLimits.lateShutdownMilliseconds)]
        ],
        "`StopGuest` limit": [
            [
                ms(HostAgentLimits.shutdownLimitMillisecondsDefault),
                ms(OrchestratorLimits.shutdownLimitMillisecondsDefault),
                .seconds(Int(PolicyLimits.shutdownLimitSecondsDefault)),
            ],
            [
                ms(HostAgentLimits.shutdownLimitMillisecondsMaximum),
                ms(OrchestratorLimits.shutdownLimitMillisecondsMaximum),
                .seconds(Int(PolicyLimits.shutdownLimitSecondsMaximum)),
            ],
        ],
        "view of a started guest": [[HostAgentLimits.watchdogInterval], [HostAgentLimits.guestViewRetryInterval]],
        "job kept for a faster worker": [
            [ms(PolicyLimits.heldForFasterMilliseconds)], [ms(PolicyLimits.presentMilliseconds)],
        ],
        "job that waits for a worker that has not failed it": [[ms(PolicyLimits.leaseMilliseconds)]],
        "lease": [[ms(PolicyLimits.leaseMilliseconds)], [ReplicationWorkerLimits.reportInterval]],
        "job that is reported and does not move": [[ms(PolicyLimits.stalledMilliseconds)]],
        "cycle of which no job runs and no worker could have pulled one": [[ms(PolicyLimits.unclaimedMilliseconds)]],
        "worker without a word": [[ms(PolicyLimits.workerForgottenMilliseconds)]],
        "cycle back-off": [
            [ms(PolicyLimits.backoffFirstMilliseconds)], [ms(PolicyLimits.backoffMaximumMilliseconds)],
        ],
        "run back-off": [
            [ms(OrchestratorLimits.backoffFirstMilliseconds)], [ms(OrchestratorLimits.backoffMaximumMilliseconds)],
        ],
        "patience of a run before its point of no return": [[ms(OrchestratorLimits.patienceMilliseconds)]],
        "probe of a source in an unplanned failover (`DescribeSide`, `SetSide`)": [
            [ms(OrchestratorLimits.probeDeadlineMilliseconds)]
        ],
        "call of a source that an unplanned failover is to reach and the vault hears; its fence once it answered": [
            [ms(OrchestratorLimits.reachDeadlineMilliseconds)], [ms(OrchestratorLimits.reachPatienceMilliseconds)],
        ],
        "silence of a source to be fenced, planned": [[ms(OrchestratorLimits.plannedFencePatienceMilliseconds)]],
        "`StopGuest`": [[ms(OrchestratorLimits.stopGraceMilliseconds)]],
        "`StartReplica`, `AdoptDisks`": [
            [ms(OrchestratorLimits.startDeadlineMilliseconds), ms(OrchestratorLimits.adoptDeadlineMilliseconds)]
        ],
        "last delta": [
            [ms(OrchestratorLimits.deltaMillisecondsMaximum)],
            [ms(OrchestratorLimits.unplannedDeltaMillisecondsMaximum)],
            [ms(OrchestratorLimits.deltaPollMilliseconds)],
        ],
    ]

    private static func ms(_ value: some BinaryInteger) -> Duration { .milliseconds(Int(value)) }

    @Test func timersAreTheLimitsInTheCode() throws {
        let table = try PageTable.read(Self.page, tableAfter: "## Timers")
        #expect(Set(table.keys) == Set(Self.timers.keys))
        for (row, limits) in Self.timers {
            let told = try Self.durations(in: try #require(table[row]?["value"]))
            #expect(told.count == limits.count, "\(row): \(told)")
            for (duration, limits) in zip(told, limits) {
                for limit in limits { #expect(limit == duration, "\(row) says \(duration), and the code \(limit)") }
            }
        }
    }

    /// By row of “Full queues”: the numbers that its bound names, in order.
    private static let queues: [String: [Int]] = [
        "requests being handled by a server": [server.requestsInFlight, server.requestsInFlightPerPeer],
        "calls of one client": [client.callsInFlight],
        "replies waiting for one connection": [Int(SocketFactory.controlHighWaterMark)],
        "events waiting for one subscriber": [Int(PublisherLimits().eventsWaitingPerSubscriber)],
        "envelopes waiting for a subscription's reader": [SubscriberLimits().envelopesWaiting],
        "record bytes of one transfer": [HostAgentLimits.transferWindowBytes],
        "record bytes of all transfers of an agent": [HostAgentLimits.transferWindowBytesOfAll],
        "transfers of an agent": [bulk.transfers],
        "hash requests of a transfer": [bulk.hashRequestsWaiting],
    ]

    @Test func queuesAreAsLongAsInTheCode() throws {
        let table = try PageTable.read(Self.page, tableAfter: "**Full queues.**")
        // Its bound is in its name.
        let inPipes = "messages of 10,000 (control) or 40,000 (bulk) in libzmq's pipes"
        #expect(Set(table.keys) == Set(Self.queues.keys).union([inPipes]))
        #expect(
            try Self.numbers(in: inPipes)
                == [SocketFactory.controlHighWaterMark, SocketFactory.bulkHighWaterMark].map { Int($0) })
        for (row, limits) in Self.queues {
            #expect(try Self.numbers(in: try #require(table[row]?["bound"])) == limits, "\(row)")
        }
        let smallest = try #require(table["record bytes of all transfers of an agent"]?["when it is full"])
        #expect(try Self.numbers(in: smallest) == [Self.bulk.smallestWindowBytes])
    }

    /// The dialog shows the credit that the table bounds.
    @Test func theDialogGrantsWhatTheAgentDoes() throws {
        let text = try PageTable.text(Self.page)
        let credit = try #require(text.firstMatch(of: /welcome\(credit (\d+) MiB\)/))
        #expect(Int(credit.output.1).map { $0 << 20 } == HostAgentLimits.transferWindowBytes)
    }

    private static func durations(in cell: String) throws -> [Duration] {
        try cell.matches(of: /(\d+(?:\.\d+)?) (s|h)\b/).map { match in
            let seconds = try #require(Double(match.output.1)) * (match.output.2 == "h" ? 3_600 : 1)
            return .milliseconds(Int((seconds * 1_000).rounded()))
        }
    }

    private static func numbers(in cell: String) throws -> [Int] {
        try cell.matches(of: /([\d,]*\d(?:\.\d+)?)( MiB)?/).map { match in
            let number = try #require(Double(match.output.1.replacing(",", with: "")))
            return Int(match.output.2 == nil ? number : number * 1_048_576)
        }
    }
}
