/// Whether a guest is alive inside, as far as its guest agent can tell.
extension LibvirtHypervisor {
    package func guestAgentAnswers(_ guest: String) async throws -> Bool {
        // In turn with captures, because the time limit that is set here is the guest's, and a freeze has another.
        try await turns.take(guest) {
            try await call { connection in
                do {
                    let domain = try connection.domain(guest)
                    guard try domain.power().state == .running,
                        try DomainDocument(parsing: domain.xml(inactive: false)).hasGuestAgent
                    else { return false }
                    return try domain.agentAnswers(within: HypervisorLimits.agentAnswerTime)
                } catch let error as HypervisorError where error.code == .guestNotFound {
                    return false
                }
            }
        }
    }
}
