package import Messages

extension ProtectCloudAnswer {
    package init(wire: ProtectCloudResult) {
        self.init(
            created: wire.created.map(Registry.Protection.init(wire:)),
            refused: wire.refused.map {
                Refusal(guest: $0.guest, error: RemoteErrorRecord(RemoteError(wire: $0.error)))
            },
            already: wire.already)
    }
}
