internal import CNbdkitPlugin
import Glibc
internal import Replica

/// A view and its disks under the names that clients ask for. It lives as long as the plugin.
final class ServedView: Sendable {
    private let view: ReplicaView
    /// Lent to nbdkit, which wants a string that stays.
    let defaultExport: StaticText

    init(_ view: ReplicaView) {
        self.view = view
        guard let first = view.disks.first else { preconditionFailure("a point has at least one disk") }
        defaultExport = StaticText(first.target)
    }

    func disk(_ position: Int64) -> DiskView { view.disks[Int(position)] }

    /// - Parameter name: empty stands for the first disk.
    func position(ofExport name: String) throws -> Int64 {
        if name.isEmpty { return 0 }
        guard let position = view.disks.firstIndex(where: { $0.target == name }) else {
            let known = view.disks.map(\.target).joined(separator: ", ")
            throw PluginError(ENOENT, "the point has no disk \(name); it has \(known)")
        }
        return Int64(position)
    }

    func list(into exports: UnsafeMutableRawPointer) throws {
        for disk in view.disks {
            let description = "cycle \(view.point.cycle), \(disk.sizeBytes) bytes"
            guard bascule_nbdkit_add_export(exports, disk.target, description) == 0 else { throw PluginError.reported }
        }
    }

    /// - Parameter onlyFirst: the client wants no more than the first stretch.
    func extents(
        ofDisk position: Int64, in range: Range<UInt64>, onlyFirst: Bool, into extents: UnsafeMutableRawPointer
    ) throws {
        struct FirstEnded: Error {}
        var first: DiskView.Content?
        do {
            try disk(position).forEachStretch(in: range) { stretch, content in
                if onlyFirst, let first, first != content { throw FirstEnded() }
                first = content
                let length = stretch.upperBound - stretch.lowerBound
                let isHole: Int32 = content == .zero ? 1 : 0
                guard bascule_nbdkit_add_extent(extents, stretch.lowerBound, length, isHole) == 0 else {
                    throw PluginError.reported
                }
            }
        } catch is FirstEnded {
            return
        }
    }
}

/// A C string that is never freed before its owner.
final class StaticText: Sendable {
    // Because it is written in `init` alone.
    nonisolated(unsafe) let pointer: UnsafeMutablePointer<CChar>

    init(_ text: String) {
        pointer = strdup(text)
    }

    deinit { free(pointer) }
}
