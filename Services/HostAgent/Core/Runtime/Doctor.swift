import BlockDevice
import Glibc
import Hypervisor
import MessageBus
import Messages
import ServiceRuntime

/// Checks what this host has to have, and says how to mend what it lacks.
struct Doctor: Sendable {
    let settings: HostAgentSettings
    let hypervisor: any HypervisorDriver
    let vault: RequestClient
    let threads: BlockingThreads

    private struct Item {
        var name: String
        /// What was seen; the error says why it does not do.
        var detail: Result<String, Shortcoming>
    }

    /// What is wrong, and how to mend it.
    private struct Shortcoming: Error {
        var detail: String
        var remedy: String
    }

    func examine() async -> DoctorReport {
        var report = DoctorReport()
        report.items = await hypervisor.checkPrerequisites().map { prerequisite in
            var item = DoctorReport.Item()
            item.name = prerequisite.name
            item.passed = prerequisite.isMet
            item.detail = prerequisite.detail
            item.remedy = prerequisite.remedy
            return item
        }
        for item in [
            await vaultItem(), await item("replicas directory", replicasDirectory),
            await item("QEMU's way", emulatorsWay), await item("free space", freeSpace),
            await item("state directory", stateDirectory),
            await item("nbdkit", nbdkit), await item("nbdkit plugin", nbdkitPlugin),
            await item("first process", firstProcess),
        ] {
            report.items.append(wire(item))
        }
        return report
    }

    private func wire(_ item: Item) -> DoctorReport.Item {
        var wire = DoctorReport.Item()
        wire.name = item.name
        switch item.detail {
        case .success(let detail):
            wire.passed = true
            wire.detail = detail
        case .failure(let shortcoming):
            wire.passed = false
            wire.detail = shortcoming.detail
            wire.remedy = shortcoming.remedy
        }
        return wire
    }

    private func item(_ name: String, _ check: @escaping @Sendable () throws -> String) async -> Item {
        do {
            return Item(name: name, detail: .success(try await threads.run(check)))
        } catch let shortcoming as Shortcoming {
            return Item(name: name, detail: .failure(shortcoming))
        } catch let error as HostAgentError {
            return Item(name: name, detail: .failure(Shortcoming(detail: error.message, remedy: error.remedy)))
        } catch {
            return Item(name: name, detail: .failure(Shortcoming(detail: "\(error)", remedy: "See the agent's log.")))
        }
    }

    // MARK: Checks

    private func vaultItem() async -> Item {
        do {
            let health = try await vault.health()
            return Item(name: "vault", detail: .success("\(settings.vault) answers, version \(health.version)"))
        } catch {
            return Item(
                name: "vault",
                detail: .failure(
                    Shortcoming(
                        detail: "\(settings.vault) does not answer: \(error)",
                        remedy: "Start bascule-vault, or correct the setting `vault`. Replication goes on without it."))
            )
        }
    }

    private var replicasDirectory: @Sendable () throws -> String {
        { [settings] in
            try checkWritable(settings.replicas, setting: "replicas")
            let name = MountTable.fileSystem(of: settings.replicas)
            guard name != "tmpfs" else {
                throw Shortcoming(
                    detail: "\(settings.replicas) is in memory (tmpfs): its recovery points do not survive a restart",
                    remedy: "Set `replicas` to a directory on a disk.")
            }
            return "\(settings.replicas) is writable, on \(name)"
        }
    }

    /// A guest that is started from a replica is read and written there by QEMU, and a view's socket lies in the state.
    private var emulatorsWay: @Sendable () throws -> String {
        { [settings] in
            // The driver gives this directory to whom QEMU runs as.
            var status = stat()
            guard stat(settings.capturesDirectory, &status) == 0 else {
                throw Shortcoming(
                    detail: "\(settings.capturesDirectory) is not there: libvirt was not reached yet",
                    remedy: "See what is said of libvirt.")
            }
            guard geteuid() == 0, status.st_uid != 0 else { return "QEMU runs as the agent does" }
            let passage = Passage(user: status.st_uid, group: status.st_gid)
            for path in [settings.replicas, settings.state] {
                guard let folder = try passage.obstacle(to: path) else { continue }
                throw Shortcoming(
                    detail: "QEMU's user \(status.st_uid) cannot pass through \(folder): no guest starts from \(path)",
                    remedy: "Let others pass, without listing it: chmod o+x \(folder).")
            }
            return "user \(status.st_uid) can reach \(settings.replicas)"
        }
    }

    private var stateDirectory: @Sendable () throws -> String {
        { [settings] in
            try checkWritable(settings.state, setting: "state")
            return "\(settings.state) is writable"
        }
    }

    private var freeSpace: @Sendable () throws -> String {
        { [settings] in
            let space = try FileSystemSpace(of: settings.replicas)
            let words = "\(space.freeBytes >> 20) MiB of \(space.totalBytes >> 20) MiB are free"
            guard space.freeBytes >= HostAgentLimits.reservedFreeBytes * 4 else {
                throw Shortcoming(
                    detail: words, remedy: "Free space at \(settings.replicas), or move the replicas to a larger disk.")
            }
            return words
        }
    }

    private var nbdkit: @Sendable () throws -> String {
        {
            try output(of: ["nbdkit", "--version"], remedy: "Install it: apt install nbdkit.")
        }
    }

    private var nbdkitPlugin: @Sendable () throws -> String {
        { [settings] in
            guard !settings.nbdkitPlugin.isEmpty else {
                throw Shortcoming(
                    detail: "there is no \(InstalledPlugin.name): no point can be exported, and no guest starts",
                    remedy: "Put it at \(InstalledPlugin.places().joined(separator: " or ")), or set `nbdkitPlugin` to "
                        + "its path.")
            }
            let words = try output(
                of: ["nbdkit", "--dump-plugin", settings.nbdkitPlugin],
                remedy: "Build it with `make build`, install it with `make install`, or correct `nbdkitPlugin`.")
            let name = words.split(separator: "\n").first { $0.hasPrefix("name=") } ?? "loads"
            return "\(settings.nbdkitPlugin): \(name)"
        }
    }

    private var firstProcess: @Sendable () throws -> String {
        {
            guard let milliseconds = try Burial.milliseconds(within: HostAgentLimits.burialLimit) else {
                throw Shortcoming(
                    detail: "a process that ended was not buried within "
                        + "\(HostAgentLimits.burialLimit.components.seconds) s: each shutdown of a guest takes longer",
                    remedy: "Give the container an init: `docker run --init`, or `init: true` in compose.yaml.")
            }
            return "buries processes that ended; this one within \(milliseconds) ms"
        }
    }

    private func output(of command: [String], remedy: String) throws -> String {
        do {
            let output = try Program.run(
                command[0], Array(command.dropFirst()), within: HostAgentLimits.doctorCommandDeadline)
            return output.split(separator: "\n").prefix(40).joined(separator: "\n")
        } catch let error as HypervisorError {
            throw Shortcoming(detail: error.description, remedy: remedy)
        }
    }
}

private func checkWritable(_ path: String, setting: String) throws {
    guard access(path, R_OK | W_OK | X_OK) == 0 else {
        throw HostAgentError(
            .failedPrecondition, "\(path) can not be written: \(String(cString: strerror(errno))).",
            remedy: "Create it and give it to the agent's user, or correct the setting `\(setting)`.")
    }
}
