import Foundation
import MessageBus
import Messages
import Synchronization

/// Workers that move nothing: each pulls over its own connection, and says at once that its jobs are finished.
final class WorkerCrew: Sendable {
    private struct Notes: Sendable {
        var jobs = 0
        var firstPulled: [String: ContinuousClock.Instant] = [:]
        var begun: ContinuousClock.Instant?
        var ended: ContinuousClock.Instant?
    }

    private let notes = Mutex(Notes())
    private let work = Mutex<[Task<Void, Never>]>([])
    private let clients: [(id: String, client: RequestClient)]

    private static let slots: UInt32 = 2

    static func start(count: Int, policy: String, bus: MessageBus) async throws -> WorkerCrew {
        var clients: [(id: String, client: RequestClient)] = []
        for _ in 0..<count { clients.append((UUID().uuidString.lowercased(), try await bus.client(to: policy))) }
        let crew = WorkerCrew(clients)
        // Cancelled and awaited by `stop`.
        let tasks = clients.enumerated().map { index, one in
            Task { await crew.run(one.id, "crew-\(index)", one.client) }
        }
        crew.work.withLock { $0 = tasks }
        return crew
    }

    private init(_ clients: [(id: String, client: RequestClient)]) { self.clients = clients }

    /// Ends pulling; jobs that were pulled are finished first.
    func stop() async {
        let tasks = work.withLock { $0 }
        for task in tasks { task.cancel() }
        for one in clients {
            var leave = LeaveBoard()
            leave.workerID = one.id
            do { _ = try await one.client.policy(.leaveBoard(leave)) } catch { print("bench: \(error)") }
        }
        for task in tasks { await task.value }
        for one in clients { await one.client.close() }
    }

    func forget() { notes.withLock { $0 = Notes() } }

    func firstPulled(of protection: String) -> ContinuousClock.Instant? {
        notes.withLock { $0.firstPulled[protection] }
    }

    /// Jobs finished since `forget`, and the seconds from the first that was pulled to the last that was finished.
    func span() -> (jobs: Int, seconds: Double) {
        notes.withLock { notes in
            guard let begun = notes.begun, let ended = notes.ended else { return (notes.jobs, 0) }
            return (notes.jobs, (ended - begun).inSeconds)
        }
    }

    private func run(_ id: String, _ name: String, _ client: RequestClient) async {
        while !Task.isCancelled {
            do {
                var pull = PullJobs()
                pull.worker.id = id
                pull.worker.name = name
                pull.freeSlots = Self.slots
                pull.waitMs = 10_000
                guard case .jobs(let list) = try await client.policy(.pullJobs(pull), deadline: .seconds(15)) else {
                    continue
                }
                let now = ContinuousClock.now
                notes.withLock { notes in
                    if !list.jobs.isEmpty, notes.begun == nil { notes.begun = now }
                    for job in list.jobs where notes.firstPulled[job.protection] == nil {
                        notes.firstPulled[job.protection] = now
                    }
                }
                for job in list.jobs {
                    var finish = FinishJob()
                    finish.workerID = id
                    finish.job = job.job
                    finish.attempt = job.attempt
                    finish.digest = Data(repeating: 3, count: 32)
                    finish.changedBytes = job.changedBytes
                    finish.sentBytes = job.changedBytes
                    _ = try await client.policy(.finishJob(finish), deadline: .seconds(15))
                    notes.withLock { notes in
                        notes.jobs += 1
                        notes.ended = ContinuousClock.now
                    }
                }
            } catch {
                if !Task.isCancelled { print("bench: worker \(name): \(error)") }
            }
        }
    }
}
