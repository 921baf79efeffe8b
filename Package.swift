// swift-tools-version: 6.2

import Foundation
import PackageDescription

// One settings block for every Swift target; see the loop at the end.
var swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

// `make lint` and `make test` refuse warnings in our own targets. A plain build does not, because a newer compiler may
// warn of more, and that must not keep anybody from building.
if ProcessInfo.processInfo.environment["BASCULE_WARNINGS"] == "error" {
    swiftSettings.append(.treatAllWarnings(as: .error))
}

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration: Target.Dependency = .product(name: "Configuration", package: "swift-configuration")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")

func shared(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Shared/\(name)", exclude: exclude)
}

func systemLibrary(_ name: String, pkgConfig: String?, apt: String) -> Target {
    .systemLibrary(name: name, path: "Shared/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

func core(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Services/\(name)/Core", exclude: exclude)
}

func daemon(_ executable: String, of service: String) -> Target {
    .executableTarget(
        name: executable,
        dependencies: [.target(name: service), "ServiceRuntime", argumentParser, logging],
        path: "Services/\(service)/Daemon")
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", resources: resources)
}

let package = Package(
    name: "bascule",
    products: [
        .executable(name: "bascule", targets: ["bascule"]),
        .executable(name: "bascule-vault", targets: ["bascule-vault"]),
        .executable(name: "bascule-policy", targets: ["bascule-policy"]),
        .executable(name: "bascule-worker", targets: ["bascule-worker"]),
        .executable(name: "bascule-agent", targets: ["bascule-agent"]),
        .executable(name: "bascule-orchestrator", targets: ["bascule-orchestrator"]),
        .library(name: "bascule-view-plugin", type: .dynamic, targets: ["ViewPlugin", "CNbdkitPlugin"]),
    ],
    dependencies: [
        // Command lines with help, completion and validation.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // Settings from YAML files and the environment, in one order everywhere.
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["YAML"]),
        // Structured logs.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        // The wire format of control messages, readable from any language.
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        // SQLite with migrations and safe concurrency for each service's own state.
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        // Ordered start and graceful stop on SIGTERM.
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // System libraries.
        // libzmq's .pc file names Kerberos' folders with a flag that SwiftPM prohibits; its header and library are on the
        // default paths, so the module map is enough.
        systemLibrary("CZeroMQ", pkgConfig: nil, apt: "libzmq3-dev"),
        systemLibrary("CLibvirt", pkgConfig: "libvirt", apt: "libvirt-dev"),
        systemLibrary("CLibnbd", pkgConfig: "libnbd", apt: "libnbd-dev"),
        systemLibrary("COpenSSL", pkgConfig: "openssl", apt: "libssl-dev"),
        systemLibrary("CZstd", pkgConfig: "libzstd", apt: "libzstd-dev"),
        systemLibrary("CLZ4", pkgConfig: "liblz4", apt: "liblz4-dev"),
        .target(name: "CNbdkitPlugin", dependencies: [], path: "Shared/CNbdkitPlugin"),
        .target(name: "CLinuxFile", path: "Shared/CLinuxFile"),

        // Shared libraries, lowest first.
        shared("Messages", [protobuf], exclude: ["Protos", "Protocol.md", "Failover.md"]),
        shared("MessageBus", ["CZeroMQ", "Messages", logging]),
        shared("Sealing", ["COpenSSL", "CZstd", "CLZ4"]),
        shared("DeltaLog", ["Sealing", "CLinuxFile"], exclude: ["Format.md"]),
        shared("BlockDevice", ["CLibnbd"]),
        shared("Replica", ["BlockDevice", "CLibnbd", "CLinuxFile", "DeltaLog", "Sealing"], exclude: ["Layout.md"]),
        shared("Hypervisor", ["CLibvirt", "BlockDevice", logging]),
        shared(
            "ServiceRuntime",
            ["Messages", "MessageBus", argumentParser, configuration, logging, serviceLifecycle, unixSignals]),
        .target(
            name: "TestGuest", path: "Shared/TestGuest", exclude: [], resources: [.embedInCode("Guest/init.c")]),
        shared("LocalPorts"),
        shared("LocalSites", ["LocalPorts", "Messages", "MessageBus", logging]),
        .target(
            name: "ViewPlugin", dependencies: ["Replica", "DeltaLog", "CNbdkitPlugin"], path: "Shared/ViewPlugin",
            // nbdkit loads the plugin on hosts without a Swift toolchain, so a release brings the runtime along.
            linkerSettings: [
                .unsafeFlags(
                    ["-static-stdlib", "-l_FoundationCShims", "-l_FoundationCollections"],
                    .when(configuration: .release))
            ]),

        // Services: what each decides is its Core; the Daemon only wires it.
        core("Vault", ["Messages", "MessageBus", "ServiceRuntime", grdb, logging]),
        core("Policy", ["Messages", "MessageBus", "ServiceRuntime", grdb, logging]),
        core("FailoverOrchestrator", ["Messages", "MessageBus", "ServiceRuntime", grdb, logging]),
        core(
            "ReplicationWorker",
            ["Messages", "MessageBus", "BlockDevice", "DeltaLog", "Sealing", "ServiceRuntime", logging]),
        core(
            "HostAgent",
            [
                "Messages", "MessageBus", "Hypervisor", "BlockDevice", "DeltaLog", "Replica", "Sealing",
                "ServiceRuntime",
                grdb, logging,
            ]),
        .target(
            name: "OperatorCLI",
            dependencies: [
                "Messages", "MessageBus", "DeltaLog", "Replica", "ServiceRuntime",
                "TestGuest", "LocalSites", argumentParser, logging,
            ],
            path: "Services/CLI/Core"),
        daemon("bascule-vault", of: "Vault"),
        daemon("bascule-policy", of: "Policy"),
        daemon("bascule-worker", of: "ReplicationWorker"),
        daemon("bascule-agent", of: "HostAgent"),
        daemon("bascule-orchestrator", of: "FailoverOrchestrator"),
        .executableTarget(
            name: "bascule", dependencies: ["OperatorCLI", argumentParser], path: "Services/CLI/Daemon"),

        // Tests. Slow ones with real guests live in EndToEndTests only.
        tests("MessagesTests", ["Messages"]),
        tests("LocalPortsTests", ["LocalPorts"]),
        tests("MessageBusTests", ["MessageBus", "Messages", "CZeroMQ", "LocalPorts", logging]),
        tests("SealingTests", ["Sealing"]),
        tests("DeltaLogTests", ["DeltaLog", "Sealing", "Repeatable"], resources: [.copy("Golden")]),
        tests("ReplicaTests", ["Replica", "DeltaLog", "Sealing", "Repeatable"], resources: [.copy("Golden")]),
        tests("TestGuestTests", ["TestGuest"]),
        tests("BlockDeviceTests", ["BlockDevice"]),
        tests("HypervisorTests", ["Hypervisor", "BlockDevice", "TestGuest", "CLibvirt", logging]),
        tests("ServiceRuntimeTests", ["ServiceRuntime", logging]),
        tests(
            "VaultTests",
            ["Vault", "Messages", "MessageBus", "OlderDatabase", "Pages", "RawSockets", "Repeatable", grdb]),
        tests(
            "PolicyTests",
            [
                "Policy", "Messages", "MessageBus", "Eventually", "LocalPorts", "OlderDatabase", "Pages", "RawSockets",
                "Repeatable", grdb, logging,
            ]),
        tests(
            "ReplicationWorkerTests",
            [
                "ReplicationWorker", "Messages", "MessageBus", "BlockDevice", "DeltaLog", "LocalPorts", "RawSockets",
                "Sealing", logging,
            ]),
        tests(
            "HostAgentTests",
            [
                "HostAgent", "ReplicationWorker", "Messages", "MessageBus", "Hypervisor", "BlockDevice", "DeltaLog",
                "DocumentedKeys", "LocalPorts", "OlderDatabase", "Pages", "RawSockets", "Replica", "Sealing", grdb,
                logging,
            ]),
        tests(
            "FailoverOrchestratorTests",
            [
                "FailoverOrchestrator", "Messages", "MessageBus", "Eventually", "LocalPorts", "Pages", "RawSockets",
                grdb, logging,
            ],
            resources: [.copy("Golden")]),
        // The decisions of every service in one thread, in virtual time.
        tests(
            "SimulationTests",
            ["Vault", "Policy", "FailoverOrchestrator", "HostAgent", "Hypervisor", "Replica", "Messages", "Repeatable"]),
        tests("OperatorCLITests", ["OperatorCLI", "DocumentedKeys", "Messages", "MessageBus", "Replica", "bascule"]),
        // What several test targets use to break the protocol on purpose.
        .target(name: "RawSockets", dependencies: ["CZeroMQ"], path: "Tests/RawSockets"),
        // The keys that the page about documents for machines promises.
        .target(name: "DocumentedKeys", path: "Tests/DocumentedKeys"),
        // Files of a service's database as earlier releases left them.
        .target(name: "OlderDatabase", dependencies: [grdb], path: "Tests/OlderDatabase"),
        // The tables of the pages, which are the specification.
        .target(name: "Pages", path: "Tests/Pages"),
        // Waiting for what services do in their own time.
        .target(name: "Eventually", path: "Tests/Eventually"),
        // What makes a test that draws its steps happen again: numbers from a seed, and virtual time.
        .target(name: "Repeatable", path: "Tests/Repeatable"),
        // A client in Python, against the executables.
        .testTarget(
            name: "ContractClientTests",
            dependencies: [
                "bascule-vault", "bascule-policy", "bascule-orchestrator", "bascule-agent", "bascule-worker", "bascule",
            ],
            path: "Tests/ContractClient",
            exclude: [
                "README.md", "bascule_client.py", "bulk.py", "chapter_agents.py", "chapter_alone.py",
                "chapter_failover.py", "chapter_hosts.py", "chapter_neighbours.py", "chapter_runs.py",
                "chapter_topology.py", "chapter_transfers.py", "chapter_workers.py", "contract.py", "coverage.py",
                "fake_agent.py", "fake_board.py", "fake_neighbour.py", "fake_replica.py", "make-point",
                "make_point.py", "run", "services.py", "with-messages",
            ]),
        // Numbers that the pages repeat, and that services have to agree about.
        tests(
            "PagesTests",
            [
                "Vault", "Policy", "FailoverOrchestrator", "HostAgent", "ReplicationWorker", "Messages", "MessageBus",
                "LocalPorts", "Pages", logging,
            ]),
        tests("TidyTests", []),
        // What operators are told, and what they install, against the executables.
        tests(
            "OperationsTests",
            ["bascule", "bascule-vault", "bascule-policy", "bascule-orchestrator", "bascule-worker", "bascule-agent"]),
        tests(
            "EndToEndTests",
            ["LocalSites", "TestGuest", "Hypervisor", "BlockDevice", "Replica", "Messages", "MessageBus", "Repeatable"]),
        .executableTarget(
            name: "bascule-bench",
            dependencies: ["LocalSites", "TestGuest", "Messages", "MessageBus", argumentParser, logging],
            path: "Tests/Benchmarks", exclude: ["README.md"]),
    ]
)

// `make race` sets this. Only a build for ThreadSanitizer has the functions that it calls.
if ProcessInfo.processInfo.environment["BASCULE_RACE"] == "1" {
    for target in package.targets where target.type == .test { target.dependencies.append("MutexOrder") }
    package.targets.append(.target(name: "MutexOrder", path: "Tests/MutexOrder"))
}

let inC = ["CNbdkitPlugin", "CLinuxFile", "MutexOrder"]
for target in package.targets where target.type != .system && !inC.contains(target.name) {
    target.swiftSettings = (target.swiftSettings ?? []) + swiftSettings
}

// Whoever speaks messages also builds and encodes them, which Swift wants said by an import of its own.
for target in package.targets where target.type != .system {
    for case .byNameItem("Messages", _) in target.dependencies where target.name != "Messages" {
        target.dependencies.append(protobuf)
    }
}

// BASCULE_ONLY=ReplicaTests,bascule narrows the package to those targets and what they need, because an incremental
// build of one library with its tests then takes seconds instead of linking everything.
if let only = ProcessInfo.processInfo.environment["BASCULE_ONLY"], !only.isEmpty {
    let byName = Dictionary(uniqueKeysWithValues: package.targets.map { ($0.name, $0) })
    var wanted: Set<String> = []
    var pending = only.split(separator: ",").map(String.init)
    while let name = pending.popLast() {
        guard let target = byName[name], wanted.insert(name).inserted else { continue }
        for case .byNameItem(let dependency, _) in target.dependencies { pending.append(dependency) }
        for case .targetItem(let dependency, _) in target.dependencies { pending.append(dependency) }
    }
    package.targets.removeAll { !wanted.contains($0.name) }
    package.products.removeAll { product in
        switch product {
        case let library as Product.Library: !wanted.isSuperset(of: library.targets)
        case let executable as Product.Executable: !wanted.isSuperset(of: executable.targets)
        default: false
        }
    }
}
