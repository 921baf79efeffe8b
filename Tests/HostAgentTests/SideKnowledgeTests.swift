import Testing

@testable import HostAgent

/// Which generation is the newest that a host knows of, and whose it is.
@Suite struct SideKnowledgeTests {
    private static func side(_ generation: UInt64, _ standing: SideStateMachine.Standing) -> SideStateMachine {
        SideStateMachine(SideStateMachine.Order(guest: "g", generation: generation, standing: standing))
    }

    @Test func aSideIsActiveOnlyAtTheNewestGenerationThatWasMet() {
        let known: [(SideStateMachine?, UInt64?, UInt64, Bool)] = [
            (nil, nil, 0, false), (nil, 2, 2, false),
            (Self.side(2, .active), nil, 2, true), (Self.side(2, .active), 1, 2, true),
            (Self.side(2, .active), 2, 2, true), (Self.side(2, .active), 3, 3, false),
            (Self.side(3, .passive(.alarm)), 2, 3, false), (Self.side(3, .passive(.alarm)), 4, 4, false),
        ]
        for (side, replica, generation, isActive) in known {
            let knowledge = SideKnowledge(side: side, replica: replica)
            #expect(knowledge.generation == generation && knowledge.isActive == isActive, "\(knowledge)")
        }
    }

    @Test func aReplicaOutlivesItsSideWithTheGenerationOfTheOther() {
        let known: [(SideStateMachine?, UInt64, UInt64?)] = [
            // Released before, and forgotten.
            (nil, 3, nil),
            (Self.side(3, .passive(.alarm)), 3, 3), (Self.side(3, .passive(.alarm)), 2, 3),
            // Nobody told it yet that it lost.
            (Self.side(2, .active), 3, 3),
            (Self.side(2, .active), 2, nil), (Self.side(4, .active), 3, nil),
        ]
        for (side, generation, outliving) in known {
            #expect(SideKnowledge.outliving(side, releasedAt: generation) == outliving)
        }
    }
}
