/// One change of what is stored.
enum StoreChange: Hashable, Sendable {
    /// A run, as a whole: it is read and written in no other way.
    case put(RunRecord)
    case remove(String)
}
