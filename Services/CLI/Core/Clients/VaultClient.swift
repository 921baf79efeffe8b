package import MessageBus
import Messages

/// The vault as commands see it: words in, records out. Every method throws `RemoteError` with what the vault or the
/// connection said.
package struct VaultClient: Sendable {
    package let client: RequestClient
    package let deadline: Duration

    package func registry() async throws -> Registry {
        guard case .snapshot(let snapshot) = try await ask(.getSnapshot(GetSnapshot())) else {
            throw unexpected("a snapshot")
        }
        return Registry(wire: snapshot)
    }

    package func createSite(named name: String) async throws {
        var request = CreateSite()
        request.site.name = name
        _ = try await ask(.createSite(request))
    }

    package func deleteSite(named name: String) async throws {
        var request = DeleteSite()
        request.name = name
        _ = try await ask(.deleteSite(request))
    }

    package func createCloud(named name: String, in site: String) async throws {
        var request = CreateCloud()
        request.cloud.name = name
        request.cloud.site = site
        _ = try await ask(.createCloud(request))
    }

    package func deleteCloud(named name: String) async throws {
        var request = DeleteCloud()
        request.name = name
        _ = try await ask(.deleteCloud(request))
    }

    package func pair(_ pair: Registry.Pair) async throws {
        var request = PairClouds()
        request.pair = pair.wire
        _ = try await ask(.pairClouds(request))
    }

    package func unpair(source: String, target: String) async throws {
        var request = UnpairClouds()
        request.sourceCloud = source
        request.targetCloud = target
        _ = try await ask(.unpairClouds(request))
    }

    package func removeHost(id: String) async throws {
        var request = RemoveHost()
        request.id = id
        _ = try await ask(.removeHost(request))
    }

    package func protect(_ order: ProtectOrder) async throws -> Registry.Protection {
        var request = Protect()
        request.guest = order.guest
        request.sourceHost = order.sourceHost ?? ""
        request.targetCloud = order.targetCloud ?? ""
        request.targetHost = order.targetHost ?? ""
        request.policyOverride = order.policy ?? ""
        guard case .protection(let protection) = try await ask(.protect(request)) else {
            throw unexpected("a protection")
        }
        return Registry.Protection(wire: protection)
    }

    package func protectCloud(_ source: String, target: String?) async throws -> ProtectCloudAnswer {
        var request = ProtectCloud()
        request.sourceCloud = source
        request.targetCloud = target ?? ""
        guard case .protectCloudResult(let result) = try await ask(.protectCloud(request)) else {
            throw unexpected("the result for a cloud")
        }
        return ProtectCloudAnswer(wire: result)
    }

    package func unprotect(_ protection: String, keepReplica: Bool) async throws {
        var request = Unprotect()
        request.protection = protection
        request.keepReplica = keepReplica
        _ = try await ask(.unprotect(request))
    }

    /// The protection as it is afterwards. `expectedVersion` nil: whatever it is.
    @discardableResult
    package func change(
        _ protection: String, to state: Registry.State, reason: String, expectedVersion: UInt64? = nil
    ) async throws -> Registry.Protection {
        var request = ChangeState()
        request.protection = protection
        request.state = state.wire
        request.reason = reason
        request.expectedVersion = expectedVersion ?? 0
        guard case .protection(let changed) = try await ask(.changeState(request)) else {
            throw unexpected("a protection")
        }
        return Registry.Protection(wire: changed)
    }

    /// `policy` nil: back to the pair's.
    package func overridePolicy(of protection: String, with policy: String?) async throws {
        var request = SetPolicyOverride()
        request.protection = protection
        request.policy = policy ?? ""
        _ = try await ask(.setPolicyOverride(request))
    }

    /// Newest first, as the vault lists them.
    package func audit(limit: UInt32) async throws -> [AuditRecord] {
        var request = ListAudit()
        request.limit = limit
        guard case .auditList(let list) = try await ask(.listAudit(request)) else { throw unexpected("audit entries") }
        return list.entries.map(AuditRecord.init(wire:))
    }

    private func ask(_ request: VaultRequest.OneOf_Request) async throws -> VaultReply.OneOf_Reply {
        do {
            return try await client.vault(request, deadline: deadline)
        } catch let error as RemoteError {
            throw error.reaching("the vault", at: client.endpoint, option: "--vault")
        }
    }

    private func unexpected(_ expected: String) -> OperatorError {
        OperatorError(
            .failed, "the vault at \(client.endpoint) answered something else than \(expected)",
            remedy: "use the same release of bascule and of the vault: bascule health")
    }
}
