import Foundation

/// One image of a guest that is shut off, served read-only by a qemu-nbd process of ours.
///
/// The image is opened without QEMU's locks (`force-share`), so that a guest that somebody starts meanwhile starts as
/// always. What is read from then on no longer shows one instant: `LibvirtHypervisor` ends the process when it hears of
/// the start, and `verifyCapture` proves that there was none.
struct OfflineExport: Sendable, Hashable {
    let disk: String
    let socket: String
    let processFile: String

    var uri: String { "nbd+unix:///\(disk)?socket=\(socket)" }

    /// Starts the process and answers when it listens. Blocks.
    static func start(
        disk: String, image: String, bitmap: String?, name: CheckpointName, in directory: CaptureDirectory
    ) throws -> OfflineExport {
        let export = OfflineExport(
            disk: disk, socket: directory.socket(name, disk: disk),
            processFile: directory.processFile(name, disk: disk))
        try directory.remove(export.socket)
        // Commas separate options, so one in a name is doubled (QEMU, "qemu-img", image options).
        let file = image.replacingOccurrences(of: ",", with: ",,")
        var arguments = [
            "--read-only", "--persistent", "--fork", "--shared=\(HypervisorLimits.offlineClients)",
            "--socket=\(export.socket)", "--export-name=\(disk)", "--pid-file=\(export.processFile)",
        ]
        if let bitmap { arguments.append("--bitmap=\(bitmap)") }
        arguments += ["--image-opts", "driver=qcow2,force-share=on,file.filename=\(file)"]
        do {
            try Program.run("qemu-nbd", arguments)
            try directory.giveAway(export.socket)
        } catch {
            try export.stop(in: directory)
            throw error
        }
        return export
    }

    /// Ends the process and removes its files; safe to repeat. Blocks until the process is gone.
    func stop(in directory: CaptureDirectory) throws {
        if let process = runningProcess() {
            kill(process, SIGKILL)
            // It is nobody's child of ours (--fork), so its end is seen in /proc alone.
            let deadline = ContinuousClock.now + HypervisorLimits.programTime
            while runningProcess() == process, ContinuousClock.now < deadline { usleep(1_000) }
        }
        try directory.remove(processFile)
        try directory.remove(socket)
    }

    /// Ends the process at once, without waiting; for the event loop's thread.
    func interrupt() {
        if let process = runningProcess() { kill(process, SIGKILL) }
    }

    /// The process that the file names, if it is ours: numbers of processes are used again.
    private func runningProcess() -> pid_t? {
        guard let text = FileManager.default.contents(atPath: processFile),
            let process = pid_t(String(decoding: text, as: UTF8.self).filter(\.isNumber)), process > 1,
            let line = FileManager.default.contents(atPath: "/proc/\(process)/cmdline"),
            String(decoding: line, as: UTF8.self).contains(socket)
        else { return nil }
        return process
    }
}
