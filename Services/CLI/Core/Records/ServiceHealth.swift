/// How one service is, or that it does not answer.
package struct ServiceHealth: Sendable, Equatable, Codable {
    package var service: String
    package var name: String
    package var endpoint: String
    package var answers: Bool
    package var health: ReplicationStatus.Level
    package var version: String
    package var uptimeSeconds: Int64
    package var details: [String]

    package init(silent service: String, name: String, endpoint: String, why: String) {
        self.service = service
        self.name = name
        self.endpoint = endpoint
        answers = false
        health = .unknown
        version = ""
        uptimeSeconds = 0
        details = [why]
    }
}
