/// How long recovery points are kept. The three are ages: every cycle until the first, then one an hour until the
/// second, then one a day until the third. A second or third that is not above the one before it has no effect.
package struct Retention: Sendable, Hashable {
    package var everyCycleSeconds: UInt32
    package var hourlySeconds: UInt32
    package var dailySeconds: UInt32

    package init(everyCycleSeconds: UInt32, hourlySeconds: UInt32 = 0, dailySeconds: UInt32 = 0) {
        self.everyCycleSeconds = everyCycleSeconds
        self.hourlySeconds = hourlySeconds
        self.dailySeconds = dailySeconds
    }
}
