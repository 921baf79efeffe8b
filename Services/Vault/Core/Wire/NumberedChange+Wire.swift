internal import FoundationEssentials
internal import Messages
internal import SwiftProtobuf

extension NumberedChange {
    /// The event that subscribers get; `nil` for a change that is not published.
    func wire(epoch: [UInt8]) -> VaultEvent? {
        guard let number, let change = change.wire else { return nil }
        return .with {
            $0.number = number
            $0.epoch = Data(epoch)
            $0.change = change
        }
    }
}

extension RegistryChange {
    fileprivate var wire: VaultEvent.OneOf_Change? {
        switch self {
        case .site(let site): .site(site.wire)
        case .cloud(let cloud): .cloud(cloud.wire)
        case .pair(let pair): .pair(pair.wire)
        case .host(let host): .host(host.wire)
        case .guest(let guest): .guest(guest.wire)
        case .protection(let protection): .protection(protection.wire)
        case .siteRemoved(let name): .siteRemoved(name)
        case .cloudRemoved(let name): .cloudRemoved(name)
        case .pairRemoved(let key): .pairRemoved(key.wire)
        case .hostRemoved(let id): .hostRemoved(id.text)
        case .guestRemoved(let key): .guestRemoved(key.wire)
        case .protectionRemoved(let id): .protectionRemoved(id.text)
        case .exclusionAdded, .exclusionRemoved: nil
        }
    }
}

extension Guest.Key {
    fileprivate var wire: VaultEvent.GuestKey {
        .with {
            $0.hostID = hostID.text
            $0.uuid = uuid.text
        }
    }
}
