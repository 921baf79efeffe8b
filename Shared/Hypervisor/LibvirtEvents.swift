import CLibvirt

/// Turns libvirt's callbacks into `GuestChange`s.
enum LibvirtEvents {
    private typealias Handler = @Sendable (GuestChange) -> Void

    private final class Receiver: Sendable {
        let handler: Handler
        init(_ handler: @escaping Handler) { self.handler = handler }
    }

    /// Answers the identifiers to deregister.
    static func register(on connection: virConnectPtr, _ handler: @escaping @Sendable (GuestChange) -> Void) -> [Int32]
    {
        // libvirt declares one type for all callbacks and casts; the casts follow the signatures in its manual.
        let lifecycle: virConnectDomainEventCallback = { _, domain, event, detail, opaque in
            LibvirtEvents.send(LibvirtEvents.change(event: event, detail: detail), about: domain, to: opaque)
            return 0
        }
        let device: virConnectDomainEventDeviceAddedCallback = { _, domain, _, opaque in
            LibvirtEvents.send(.devicesChanged, about: domain, to: opaque)
        }
        let agent: virConnectDomainEventAgentLifecycleCallback = { _, domain, _, _, opaque in
            LibvirtEvents.send(.guestAgentChanged, about: domain, to: opaque)
        }
        let callbacks: [(virDomainEventID, virConnectDomainEventGenericCallback)] = [
            (VIR_DOMAIN_EVENT_ID_LIFECYCLE, unsafeBitCast(lifecycle, to: virConnectDomainEventGenericCallback.self)),
            (VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, unsafeBitCast(device, to: virConnectDomainEventGenericCallback.self)),
            (VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, unsafeBitCast(device, to: virConnectDomainEventGenericCallback.self)),
            (VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, unsafeBitCast(agent, to: virConnectDomainEventGenericCallback.self)),
        ]
        return callbacks.compactMap { event, callback in
            let receiver = Unmanaged.passRetained(Receiver(handler))
            let identifier = virConnectDomainEventRegisterAny(
                connection, nil, Int32(event.rawValue), callback, receiver.toOpaque(),
                { opaque in if let opaque { Unmanaged<Receiver>.fromOpaque(opaque).release() } })
            if identifier < 0 {
                receiver.release()
                return nil
            }
            return identifier
        }
    }

    private static func send(
        _ kind: GuestChange.Kind?, about domain: virDomainPtr?, to opaque: UnsafeMutableRawPointer?
    ) {
        guard let kind, let domain, let opaque else { return }
        var uuid = [CChar](repeating: 0, count: Int(VIR_UUID_STRING_BUFLEN))
        guard virDomainGetUUIDString(domain, &uuid) == 0 else { return }
        let text = String(decoding: uuid.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        Unmanaged<Receiver>.fromOpaque(opaque).takeUnretainedValue().handler(GuestChange(guest: text, kind: kind))
    }

    /// Nil for events that change nothing for us.
    static func change(event: Int32, detail: Int32) -> GuestChange.Kind? {
        switch UInt32(bitPattern: event) {
        case VIR_DOMAIN_EVENT_DEFINED.rawValue: .defined
        case VIR_DOMAIN_EVENT_UNDEFINED.rawValue: .undefined
        case VIR_DOMAIN_EVENT_STARTED.rawValue: .started
        case VIR_DOMAIN_EVENT_SUSPENDED.rawValue, VIR_DOMAIN_EVENT_PMSUSPENDED.rawValue: .paused
        case VIR_DOMAIN_EVENT_RESUMED.rawValue: .resumed
        case VIR_DOMAIN_EVENT_CRASHED.rawValue: .crashed
        case VIR_DOMAIN_EVENT_STOPPED.rawValue:
            switch UInt32(bitPattern: detail) {
            case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN.rawValue: .shutDown
            case VIR_DOMAIN_EVENT_STOPPED_CRASHED.rawValue: .crashed
            case VIR_DOMAIN_EVENT_STOPPED_MIGRATED.rawValue: .migrated
            default: .destroyed
            }
        default: nil
        }
    }
}
