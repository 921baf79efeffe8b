/// What a request server has seen since it was bound.
package struct RequestServerStatistics: Equatable, Sendable {
    /// Requests given to the handler.
    package var handled: UInt64 = 0
    /// Repetitions answered from memory.
    package var answeredAgain: UInt64 = 0
    /// Repetitions that joined the request still being handled.
    package var joined: UInt64 = 0
    /// Answered with an error of the bus: no envelope, wrong version, bad identifier, not a request.
    package var malformed: UInt64 = 0
    /// Messages with too few or too many frames.
    package var wronglyFramed: UInt64 = 0
    /// Refused because too many were in flight.
    package var refusedFull: UInt64 = 0
    /// Not begun because their deadline had passed.
    package var expired: UInt64 = 0
    /// Answers that no longer had a connection to go to, or whose connection's queue was full.
    package var undeliverable: UInt64 = 0

    package init() {}
}
