extension Duration {
    /// Rounded down; for libzmq's integers.
    var wholeMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
