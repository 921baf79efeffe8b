import FoundationEssentials
import Messages

/// What there is. A replica that cannot be opened keeps nobody from the others.
extension ReplicaRecovery {
    package func list() async throws -> [Replica] {
        var replicas: [Replica] = []
        for protection in try ReplicaDirectories.list(in: settings.replicas) {
            do {
                replicas.append(try await replica(protection))
            } catch let error as RemoteError where Self.isOfOne(error) {
                replicas.append(Replica(unreadable: protection, because: error))
            }
        }
        return replicas
    }

    package func replica(_ protection: String) async throws -> Replica {
        var describe = DescribeReplica()
        describe.protection = protection
        var list = ListPoints()
        list.protection = protection
        let described: Messages.ReplicaDescription
        let points: PointList
        do {
            guard case .replica(let first) = try await send(.describeReplica(describe)),
                case .points(let second) = try await send(.listPoints(list))
            else { throw unexpected }
            (described, points) = (first, second)
        } catch let error as RemoteError where Self.isOfOne(error) {
            throw located(error, protection)
        }
        return Replica(
            protection: protection, guest: described.guestUuid, guestName: described.guestName,
            generation: described.generation, newestCycle: points.points.last?.cycle ?? 0,
            newestUnixMilliseconds: points.points.last?.capturedUnixMs ?? 0, points: points.points.count,
            verifiedCycle: points.points.last { $0.verified }?.cycle, verificationFault: described.verificationFault,
            isAdopted: described.adopted, runningCycle: described.runningCycle == 0 ? nil : described.runningCycle)
    }

    /// The replica that an operator names by its protection, or by its guest. By its protection no other is looked at.
    ///
    /// - Throws: `RemoteError` with code `notFound`, or `failedPrecondition` when several are of that guest.
    package func replica(named name: String) async throws -> Replica {
        if UUID(uuidString: name) != nil { return try await replica(name.lowercased()) }
        let all = try await list()
        let found = all.filter { $0.guestName == name && $0.fault.isEmpty }
        guard let only = found.first else {
            let unknown = all.count { !$0.fault.isEmpty }
            throw RemoteError(
                .notFound,
                "This host holds no replica \(name) in \(settings.replicas)"
                    + (unknown == 0 ? "." : ", or it is among the \(unknown) that cannot be opened."),
                remedy: "See `recover list`.")
        }
        guard found.count == 1 else {
            throw RemoteError(
                .failedPrecondition, "\(found.count) replicas are of a guest \(name).",
                remedy: "Name the protection instead.")
        }
        return only
    }

    /// Whether an error is about one replica: an agent that does not answer is silent about all of them.
    private static func isOfOne(_ error: RemoteError) -> Bool { error.facts["origin"] != "caller" }

    private func located(_ error: RemoteError, _ protection: String) -> RemoteError {
        RemoteError(
            error.code, "Replica \(settings.replicaDirectory(of: protection)): \(error.message)",
            remedy: error.remedy, retryable: error.retryable, facts: error.facts)
    }
}

extension ReplicaRecovery.Replica {
    fileprivate init(unreadable protection: String, because error: RemoteError) {
        self.init(
            protection: protection, guest: "", guestName: "", generation: 0, newestCycle: 0, newestUnixMilliseconds: 0,
            points: 0, verifiedCycle: nil, verificationFault: "", isAdopted: false, runningCycle: nil,
            fault: error.remedy.isEmpty ? error.message : "\(error.message) \(error.remedy)")
    }
}
