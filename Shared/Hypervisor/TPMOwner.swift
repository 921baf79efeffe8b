import Foundation

/// The user and the group that swtpm runs as under libvirt.
struct TPMOwner: Sendable, Hashable {
    let user: UInt32
    let group: UInt32

    init(user: UInt32, group: UInt32) {
        self.user = user
        self.group = group
    }

    /// `swtpm_user` and `swtpm_group` of a qemu.conf, each `tss` where it names none or cannot be read. Nil when this
    /// machine does not know the names.
    init?(settings path: String) {
        var text = ""
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            // An absent file, or one that this user may not read, names nobody.
        }
        guard let user = Self.user(Self.value(of: "swtpm_user", in: text) ?? "tss"),
            let group = Self.group(Self.value(of: "swtpm_group", in: text) ?? "tss")
        else { return nil }
        self.init(user: user, group: group)
    }

    /// As libvirt reads its settings: the last one counts, a text is in quotes, and `#` begins a remark.
    static func value(of name: String, in settings: String) -> String? {
        var found: String?
        for line in settings.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            guard parts.count == 2, parts[0] == name, let quote = parts[1].first else { continue }
            if quote == "\"" || quote == "'" {
                let inside = parts[1].dropFirst()
                if let end = inside.firstIndex(of: quote) { found = String(inside[..<end]) }
            } else {
                let number = parts[1].prefix { $0.isNumber }
                if !number.isEmpty { found = String(number) }
            }
        }
        return found.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A name, or a number that may have a `+` before it.
    private static func user(_ text: String) -> UInt32? {
        if !text.hasPrefix("+"), let entry = getpwnam(text) { return entry.pointee.pw_uid }
        return number(text)
    }

    private static func group(_ text: String) -> UInt32? {
        if !text.hasPrefix("+"), let entry = getgrnam(text) { return entry.pointee.gr_gid }
        return number(text)
    }

    private static func number(_ text: String) -> UInt32? {
        UInt32(text.hasPrefix("+") ? text.dropFirst() : text[...])
    }
}
