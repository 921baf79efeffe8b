/// A kill at a place of its own: a host's agent at its step of this number, another service at what it handles as the one
/// of this number.
struct WalkPlannedKill {
    var peer: WalkPeer
    var count: Int
    var place = WalkKill.afterStoring
}
