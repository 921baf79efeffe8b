/// Something that must never happen did. The message names what each side held.
struct SimulationViolation: Error, CustomStringConvertible {
    let seed: UInt64
    let step: Int
    let message: String

    var description: String { "seed \(seed), step \(step): \(message)" }
}
