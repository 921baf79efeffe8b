import Testing

@testable import Hypervisor

struct CheckpointNameTests {
    @Test func namesAreReadBack() {
        let name = CheckpointName(protection: "ABCDEF01-0000-4000-8000-000000000000", cycle: 12)
        #expect(CheckpointName("bascule-abcdef01-12") == name)
        #expect(name.belongs(to: "abcdef01-ffff"))
        #expect(!name.belongs(to: "abcdef02-ffff"))
    }

    @Test(arguments: [
        "", "bascule-", "bascule-abcdef01", "bascule-abcdef01-", "bascule-abcdef01-x", "bascule-ABCDEF01-1",
        "bascule-abcdef01-01",
        "bascule-abcdef0-1", "bascule-abcdef011-1", "bascule-abcdefgh-1", "virtnbdbackup.0", "bascule-abcdef01-1-2",
    ])
    func whatIsNotOursIsNotTouched(text: String) {
        #expect(CheckpointName(text) == nil)
    }

    @Test func theNewestUpToACycleIsTheBase() {
        let protection = "abcdef01"
        let names =
            [1, 4, 9].map { CheckpointName(protection: protection, cycle: $0) }
            + [CheckpointName(protection: "00000000", cycle: 5)]
        #expect(names.newest(ofProtection: protection, upTo: 6)?.cycle == 4)
        #expect(names.newest(ofProtection: protection, upTo: 9)?.cycle == 9)
        #expect(names.newest(ofProtection: protection, upTo: 0) == nil)
    }
}
