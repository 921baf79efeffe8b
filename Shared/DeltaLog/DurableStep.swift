/// A call that makes a file durable or publishes it, as tests hear of it: no test can see a flush that is missing, so
/// they assert the order of these instead.
package enum DurableStep: Sendable, Hashable {
    case written(String)
    /// Flushed: a file's bytes, or the names in a directory.
    case synchronized(String)
    case renamed(String, to: String)
    case removed(String)

    /// Hears of every step that is done within its scope and on its thread; nil outside tests.
    @TaskLocal package static var listener: (@Sendable (DurableStep) -> Void)?

    /// To be called once the step is done.
    package static func isDone(_ step: @autoclosure () -> DurableStep) { listener?(step()) }
}
