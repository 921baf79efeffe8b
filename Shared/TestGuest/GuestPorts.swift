/// How a test guest is listened and spoken to, wherever it runs: its console log and its command port.
package struct GuestPorts: Sendable, Hashable {
    package let consolePath: String
    package let controlPath: String

    package init(consolePath: String, controlPath: String) {
        self.consolePath = consolePath
        self.controlPath = controlPath
    }

    package var console: SerialLog { SerialLog(path: consolePath) }

    /// Tells the guest what to do: `idle`, `rate N`, `fast`, `random MIB SEED`, `sync`, `trim`; returns when it has done
    /// so.
    ///
    /// - Throws: `TestGuestError`: `toolFailed` when its command port cannot be reached, `late` when it does not obey.
    package func tell(_ command: String, within limit: Duration = .seconds(60)) async throws {
        let mark = console.mark
        // The port stays open until the guest has read everything, because QEMU drops what is unread at a hang-up.
        let port = try ControlPort(path: controlPath)
        defer { port.close() }
        try port.send(command + "\n")
        _ = try await console.wait(for: "bascule-guest: obeyed \(command)", after: mark, within: limit)
    }

    /// Has the guest power itself off, which it does not live to answer.
    ///
    /// - Returns: the last record that it wrote.
    /// - Throws: `TestGuestError`: `toolFailed` when its command port cannot be reached, `late` when it does not obey.
    package func powerOff(within limit: Duration = .seconds(60)) async throws -> UInt64 {
        let mark = console.mark
        let port = try ControlPort(path: controlPath)
        defer { port.close() }
        try port.send("poweroff\n")
        return try await waitUntilPoweredOff(after: mark, within: limit)
    }

    /// Waits until the guest says it is ready.
    ///
    /// - Returns: the last record that its disks held.
    @discardableResult
    package func waitUntilReady(after mark: Int = 0, within limit: Duration = .seconds(60)) async throws -> UInt64 {
        let line = try await console.wait(for: "bascule-guest: ready", after: mark, within: limit)
        return SerialLog.number("last", in: line) ?? 0
    }

    /// Waits until the guest says that it powers off.
    ///
    /// - Returns: the last record that it wrote.
    @discardableResult
    package func waitUntilPoweredOff(after mark: Int, within limit: Duration = .seconds(60)) async throws -> UInt64 {
        let line = try await console.wait(for: "bascule-guest: power off", after: mark, within: limit)
        return SerialLog.number("last", in: line) ?? 0
    }
}
