package import ArgumentParser

/// The root of the command line: `bascule SUBCOMMAND`.
package struct BasculeCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "bascule",
        abstract: "Replicate libvirt guests to a second site, and fail over to it.",
        discussion: """
            EXAMPLES
              bascule guests                 what could be protected
              bascule protect web1 --wait    protect one guest, with a progress bar
              bascule status --watch         how everything stands, every second
              bascule points web1            the recovery points of a guest
              bascule export web1 --point latest --socket /tmp/web1.sock
                                             one of them as read-only NBD disks
              bascule failover web1 --test   start it at the other site, isolated
              bascule doctor                 what is missing, and how to mend it

            Services are looked for at --vault, --policy-service and --orchestrator, then
            in BASCULE_VAULT, BASCULE_POLICY and BASCULE_ORCHESTRATOR, then in
            ~/.config/bascule/bascule.yaml and /etc/bascule/bascule.yaml, then on this
            machine.

            EXIT STATUS
              0 done · 1 failed · 3 not found · 4 refused · 5 no answer (try later) ·
              6 damaged data · 7 a run stands still · 64 wrong command line ·
              130 interrupted
            """,
        version: BasculeTool.version,
        groupedSubcommands: [
            CommandGroup(
                name: "Protect",
                subcommands: [
                    ProtectCommand.self, UnprotectCommand.self, PauseCommand.self, ResumeCommand.self,
                    ResyncCommand.self, TriggerCommand.self, PolicyCommand.self,
                ]),
            CommandGroup(
                name: "See",
                subcommands: [
                    StatusCommand.self, PointsCommand.self, HistoryCommand.self, GuestsCommand.self, EventsCommand.self,
                    AuditCommand.self,
                ]),
            CommandGroup(
                name: "Fail over",
                subcommands: [
                    FailoverCommand.self, CleanupCommand.self, CommitCommand.self, CancelCommand.self,
                    ChangePointCommand.self, ReverseCommand.self, FailbackCommand.self, RunsCommand.self,
                    RunCommand.self, RecoverCommand.self,
                ]),
            CommandGroup(name: "Use and verify points", subcommands: [ExportCommand.self, ScrubCommand.self]),
            CommandGroup(
                name: "Places",
                subcommands: [
                    SitesCommand.self, CloudsCommand.self, PairCommand.self, UnpairCommand.self,
                    NetworksCommand.self, HostsCommand.self, WorkersCommand.self,
                ]),
            CommandGroup(
                name: "Help yourself",
                subcommands: [
                    DoctorCommand.self, HealthCommand.self, DemoCommand.self, VersionCommand.self,
                ]),
        ])

    package init() {}
}
