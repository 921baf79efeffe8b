/// What the demo does, in numbers. Small enough for two cores and software emulation, large enough to see it work.
package struct DemoPlan: Sendable, Equatable {
    package var acts = DemoAct.standard
    /// Two disks, because a point has to show both at the same instant.
    package var diskTargets = ["vda", "vdb"]
    package var diskMiB = 384
    /// Random data on each disk before protection, so that the seeding has something to carry.
    package var filledMiB = 224
    package var workers = 2
    package var frequencySeconds: UInt32 = 1
    /// How long the guest writes while points are made and watched.
    package var liveSeconds = 20
    package var recordsPerSecond = 200
    /// Random blocks written to each disk every few seconds, so that deltas differ.
    package var burstMiB = 4
    package var burstIntervalSeconds = 4
    /// The demo ends with an error when a step takes longer.
    package var stepLimit = Duration.seconds(90)

    package init() {}

    package var filledBytes: UInt64 { UInt64(filledMiB * diskTargets.count) << 20 }
}
