internal import FoundationEssentials
package import Messages

extension EventPosition {
    package init(_ event: VaultEvent) { self.init(epoch: [UInt8](event.epoch), number: event.number) }

    package init(_ snapshot: Snapshot) { self.init(epoch: [UInt8](snapshot.epoch), number: snapshot.eventNumber) }
}

extension Bascule_V1_VaultEvent {
    /// Without a change: says only that `position` is the newest.
    package init(position: EventPosition) {
        self.init()
        epoch = Data(position.epoch)
        number = position.number
    }
}
