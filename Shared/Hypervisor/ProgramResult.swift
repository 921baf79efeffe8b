/// How a program ended.
package struct ProgramResult: Sendable, Hashable {
    /// 128 and the signal's number when a signal ended it.
    package let exitCode: Int32
    /// It was killed because its time was over.
    package let isLate: Bool
    /// Both outputs together, at most `HypervisorLimits.programOutputBytes` and a little.
    package let output: String
}
