internal import CNbdkitPlugin
internal import Replica

// The functions that plugin.c calls. Each catches what Swift throws, because C cannot, and answers -1.

/// Runs a step, reporting what it throws.
private func answering<Answer: SignedInteger>(_ step: () throws -> Answer) -> Answer {
    do {
        return try step()
    } catch {
        PluginError(error).report()
        return -1
    }
}

@_cdecl("bascule_view_config")
func viewConfig(_ key: UnsafePointer<CChar>, _ value: UnsafePointer<CChar>) -> Int32 {
    answering {
        try ViewPlugin.configure(key: String(cString: key), value: String(cString: value))
        return 0
    }
}

@_cdecl("bascule_view_config_complete")
func viewConfigComplete() -> Int32 {
    answering {
        try ViewPlugin.finishConfiguration()
        return 0
    }
}

@_cdecl("bascule_view_get_ready")
func viewGetReady() -> Int32 {
    answering {
        try ViewPlugin.getReady()
        return 0
    }
}

@_cdecl("bascule_view_cleanup")
func viewCleanup() {
    ViewPlugin.end()
}

@_cdecl("bascule_view_list_exports")
func viewListExports(_ exports: UnsafeMutableRawPointer) -> Int32 {
    answering {
        try ViewPlugin.view.list(into: exports)
        return 0
    }
}

@_cdecl("bascule_view_default_export")
func viewDefaultExport() -> UnsafePointer<CChar> {
    UnsafePointer(ViewPlugin.view.defaultExport.pointer)
}

@_cdecl("bascule_view_open")
func viewOpen() -> Int64 {
    answering {
        guard let name = bascule_nbdkit_export_name() else { throw PluginError.reported }
        return try ViewPlugin.view.position(ofExport: String(cString: name))
    }
}

@_cdecl("bascule_view_size")
func viewSize(_ disk: Int64) -> Int64 {
    Int64(ViewPlugin.view.disk(disk).sizeBytes)
}

@_cdecl("bascule_view_read")
func viewRead(_ disk: Int64, _ buffer: UnsafeMutableRawPointer, _ count: UInt32, _ offset: UInt64) -> Int32 {
    answering {
        let buffer = UnsafeMutableRawBufferPointer(start: buffer, count: Int(count))
        try ViewPlugin.view.disk(disk).read(into: buffer, at: offset)
        return 0
    }
}

@_cdecl("bascule_view_extents")
func viewExtents(
    _ disk: Int64, _ count: UInt32, _ offset: UInt64, _ onlyFirst: Int32, _ extents: UnsafeMutableRawPointer
) -> Int32 {
    answering {
        try ViewPlugin.view.extents(
            ofDisk: disk, in: offset..<offset + UInt64(count), onlyFirst: onlyFirst != 0, into: extents)
        return 0
    }
}
