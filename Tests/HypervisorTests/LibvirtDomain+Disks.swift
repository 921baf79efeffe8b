import CLibvirt

@testable import Hypervisor

/// What an operator does to a guest and its disks, beside the driver.
extension LibvirtDomain {
    func resize(_ target: String, toBytes size: UInt64) throws {
        try withPointer { pointer in
            virDomainBlockResize(pointer, target, size, VIR_DOMAIN_BLOCK_RESIZE_BYTES.rawValue)
        }
    }

    /// - Parameter isLiveOnly: until its next start.
    func attachDisk(_ path: String, as target: String, isLiveOnly: Bool = false) throws {
        let place = isLiveOnly ? VIR_DOMAIN_AFFECT_LIVE.rawValue : Self.everywhere
        try withPointer { virDomainAttachDeviceFlags($0, Self.disk(path, target), place) }
    }

    func detachDisk(_ path: String, as target: String) throws {
        try withPointer { virDomainDetachDeviceFlags($0, Self.disk(path, target), Self.everywhere) }
    }

    /// As `virsh managedsave` does.
    func saveMemory() throws { try withPointer { virDomainManagedSave($0, 0) } }

    private static let everywhere = VIR_DOMAIN_AFFECT_LIVE.rawValue | VIR_DOMAIN_AFFECT_CONFIG.rawValue

    private static func disk(_ path: String, _ target: String) -> String {
        """
        <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='\(path)'/>\
        <target dev='\(target)' bus='virtio'/></disk>
        """
    }
}
