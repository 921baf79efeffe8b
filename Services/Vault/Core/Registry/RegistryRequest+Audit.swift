extension RegistryRequest {
    /// As the request is called in the protocol's `VaultRequest`.
    var action: String {
        switch self {
        case .createSite: "create_site"
        case .deleteSite: "delete_site"
        case .createCloud: "create_cloud"
        case .deleteCloud: "delete_cloud"
        case .pairClouds: "pair_clouds"
        case .unpairClouds: "unpair_clouds"
        case .registerHost: "register_host"
        case .reportInventory: "report_inventory"
        case .removeHost: "remove_host"
        case .protect: "protect"
        case .protectCloud: "protect_cloud"
        case .unprotect: "unprotect"
        case .changeState: "change_state"
        case .advanceFailover: "advance_failover"
        case .setPolicyOverride: "set_policy_override"
        case .confirmUnprotected: "confirm_unprotected"
        case .getSnapshot: "get_snapshot"
        case .listAudit: "list_audit"
        }
    }

    /// What it names, as the caller wrote it.
    var subject: String {
        switch self {
        case .createSite(let site): site.name
        case .createCloud(let cloud): cloud.name
        case .deleteSite(let name), .deleteCloud(let name): name
        case .pairClouds(let pair): "\(pair.key.sourceCloud) → \(pair.key.targetCloud)"
        case .unpairClouds(let key): "\(key.sourceCloud) → \(key.targetCloud)"
        case .registerHost(let registration): registration.name
        case .reportInventory(let report): report.hostID.text
        case .removeHost(let id): id.text
        case .protect(let request): request.guest
        case .protectCloud(let source, _): source
        case .unprotect(let name, _): name
        case .changeState(let request): request.protection
        case .advanceFailover(let request): request.protection
        case .setPolicyOverride(let name, _, _), .confirmUnprotected(let name, _): name
        case .getSnapshot, .listAudit: ""
        }
    }

    /// How the vault treats it besides deciding.
    var kind: Kind {
        switch self {
        case .createSite, .deleteSite, .createCloud, .deleteCloud, .pairClouds, .unpairClouds, .removeHost, .protect,
            .protectCloud, .unprotect, .changeState, .advanceFailover, .setPolicyOverride, .confirmUnprotected:
            .command
        case .registerHost: .registration
        case .reportInventory: .report
        case .getSnapshot, .listAudit: .question
        }
    }

    enum Kind: Hashable, Sendable {
        /// Refusals are audited; the answer is stored, so that it is not done again when it comes again.
        case command
        /// Refusals are audited. Doing it again is what it is for.
        case registration
        /// Comes every few seconds; it carries its own number and is not audited.
        case report
        case question
    }
}
