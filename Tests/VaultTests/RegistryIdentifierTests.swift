import Repeatable
import Testing

@testable import Vault

struct RegistryIdentifierTests {
    @Test(arguments: [
        "", "8a6e0804-2bd0-4672-b79d-d97027f9071", "8a6e0804-2bd0-4672-b79d-d97027f9071aa",
        "8a6e08042bd0-4672-b79d-d97027f9071a-", "8a6e0804-2bd0-4672-b79d-d97027f9071g",
        "８a6e0804-2bd0-4672-b79d-d97027f9",
    ])
    func otherFormsAreNotIdentifiers(text: String) {
        #expect(RegistryIdentifier(text) == nil)
    }

    @Test func upperCaseIsTheSameIdentifier() {
        let lower = RegistryIdentifier("8a6e0804-2bd0-4672-b79d-d97027f9071a")
        #expect(lower != nil)
        #expect(RegistryIdentifier("8A6E0804-2BD0-4672-B79D-D97027F9071A") == lower)
    }

    @Test func newOnesAreVersionFourAndReadBack() {
        var generator = SeededRandom(seed: 1)
        for _ in 0..<100 {
            let identifier = RegistryIdentifier(using: &generator)
            #expect(RegistryIdentifier(identifier.text) == identifier)
            let characters = Array(identifier.text)
            #expect(characters[14] == "4" && "89ab".contains(characters[19]))
        }
    }
}
