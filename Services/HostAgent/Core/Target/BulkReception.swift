import Logging
import MessageBus
import Messages

/// Lets in workers that name the token of an open cycle.
struct BulkReception: BulkServerHandler {
    let target: TargetRole
    let logger: Logger

    func transferOpened(_ hello: BulkHello) async throws -> any BulkTransferHandler {
        do {
            let cycle = try await target.begin(token: hello.token, job: hello.job, attempt: hello.attempt)
            return TransferReceiver(cycle: cycle, attempt: hello.attempt, target: target, logger: logger)
        } catch {
            throw RemoteError(refusingTransfer: error)
        }
    }
}
