import Testing

@testable import Hypervisor

struct XMLElementTests {
    @Test func whatIsReadIsWrittenAgain() throws {
        let text = "<a x='1' y='&lt;&apos;'><b/>te&amp;xt<c:d>é</c:d></a>"
        #expect(try XMLElement(parsing: text).serialized == text)
    }

    @Test func declarationsCommentsAndSectionsAreUnderstood() throws {
        let text = """
            <?xml version='1.0'?><!-- a --><root a="it's">
              <!-- b <c> --><x><![CDATA[<&>]]></x><y>&#65;&#x42;</y>
            </root>
            """
        let root = try XMLElement(parsing: text)
        #expect(root["a"] == "it's")
        #expect(root.first("x")?.text == "<&>")
        #expect(root.first("y")?.text == "AB")
    }

    @Test func attributesAreSetAndRemoved() throws {
        var element = try XMLElement(parsing: "<a b='1'/>")
        element["b"] = "2"
        element["c"] = "3"
        #expect(element.serialized == "<a b='2' c='3'/>")
        element["b"] = nil
        #expect(element.serialized == "<a c='3'/>")
    }

    @Test(arguments: [
        "", "<a>", "<a></b>", "<a b/>", "<a b=c/>", "<a b='c/>", "text", "<a/><b/>", "<a>&unknown;</a>",
        "<a>&#xD800;</a>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "<a><!DOCTYPE b></a>", "<a><![CDATA[b</a>", "<a b='<'/>", "<>", "<a",
        "</a>",
    ])
    func whatIsNotWellFormedIsRefused(text: String) {
        #expect { try XMLElement(parsing: text) } throws: { ($0 as? HypervisorError)?.code == .invalidDefinition }
    }

    @Test func depthIsBounded() {
        let deep = String(repeating: "<a>", count: 100_000)
        #expect(throws: HypervisorError.self) { try XMLElement(parsing: deep) }
    }
}
