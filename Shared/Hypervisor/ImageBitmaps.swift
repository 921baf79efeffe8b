import Foundation

/// The dirty bitmaps that a qcow2 image holds, as qemu-img tells them. Of a running guest these are the ones that were
/// stored when it last ended, all in use.
struct ImageBitmaps: Sendable, Hashable {
    struct Bitmap: Sendable, Hashable {
        let name: String
        /// QEMU ended without storing it, or has it open now: its contents mean nothing.
        let isInUse: Bool
        /// It records changes.
        let isRecording: Bool
    }

    let bitmaps: [Bitmap]

    subscript(_ name: String) -> Bitmap? { bitmaps.first { $0.name == name } }

    /// Blocks.
    static func read(_ path: String) throws -> ImageBitmaps {
        // Without locking (-U), because the guest may be running.
        let text = try Program.answer("qemu-img", ["info", "-U", "-f", "qcow2", "--output=json", path])
        return try ImageBitmaps(json: text)
    }

    init(json: String) throws {
        struct Information: Decodable {
            struct Specific: Decodable {
                struct Details: Decodable {
                    struct Entry: Decodable {
                        let name: String
                        let flags: [String]
                    }
                    let bitmaps: [Entry]?
                }
                let data: Details?
            }
            let specific: Specific?

            enum CodingKeys: String, CodingKey {
                case specific = "format-specific"
            }
        }
        let information: Information
        do {
            information = try JSONDecoder().decode(Information.self, from: Data(json.utf8))
        } catch {
            throw HypervisorError(.programFailed, "qemu-img said something unexpected.", cause: "\(error)")
        }
        bitmaps = (information.specific?.data?.bitmaps ?? []).map {
            Bitmap(
                name: $0.name, isInUse: $0.flags.contains("in-use"), isRecording: $0.flags.contains("auto"))
        }
    }

    /// Removes a bitmap from an image that nobody has open. Blocks.
    static func remove(_ name: String, from path: String) throws {
        try Program.run("qemu-img", ["bitmap", "--remove", "-f", "qcow2", path, name])
    }
}
