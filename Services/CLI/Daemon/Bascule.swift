import OperatorCLI

/// The `bascule` executable. Everything is in `OperatorCLI`, so that tests can run any command line in their process.
@main
struct Bascule {
    static func main() async {
        await BasculeTool.main()
    }
}
