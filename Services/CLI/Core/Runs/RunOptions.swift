import ArgumentParser

/// The options of every command that begins a run.
struct RunOptions: ParsableArguments {
    @Flag(help: "Do not ask.")
    var yes = false

    @Flag(help: "Print what would be done, and do nothing.")
    var dryRun = false

    @Flag(help: "Begin it and do not wait for its end.")
    var noWait = false

    init() {}
}
