/// A definition as libvirt 9.0 writes it, shortened.
enum DefinitionFixture {
    static let running = """
        <domain type='kvm' id='3' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
          <name>web &amp; more</name>
          <uuid>0f1e2d3c-0000-4000-8000-000000000001</uuid>
          <memory unit='KiB'>2097152</memory>
          <currentMemory unit='KiB'>1048576</currentMemory>
          <vcpu placement='static'>4</vcpu>
          <os>
            <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
            <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>
            <nvram>/var/lib/libvirt/qemu/nvram/web_VARS.fd</nvram>
          </os>
          <devices>
            <emulator>/usr/bin/qemu-system-x86_64</emulator>
            <disk type='file' device='disk'>
              <driver name='qemu' type='qcow2' discard='unmap'/>
              <source file='/images/web.qcow2' index='2'/>
              <backingStore type='file'><format type='qcow2'/><source file='/images/base.qcow2'/></backingStore>
              <target dev='vda' bus='virtio'/>
            </disk>
            <disk type='block' device='disk'>
              <driver name='qemu' type='raw'/><source dev='/dev/vg/data'/><target dev='vdb' bus='virtio'/>
            </disk>
            <disk type='file' device='cdrom'>
              <driver name='qemu' type='raw'/><source file='/iso/a.iso'/><target dev='sda' bus='sata'/><readonly/>
            </disk>
            <disk type='file' device='disk'>
              <driver name='qemu' type='raw'/><source file='/images/shared'/><target dev='vdc'/><shareable/>
            </disk>
            <disk type='file' device='disk'>
              <driver name='qemu' type='qcow2'/><source file='/images/ro'/><target dev='vdd'/><readonly/>
            </disk>
            <disk type='network' device='disk'>
              <driver name='qemu' type='qcow2'/><source protocol='rbd' name='a/b'/><target dev='vde'/>
            </disk>
            <hostdev mode='subsystem' type='pci' managed='yes'/>
            <channel type='unix'>
              <source mode='bind' path='/run/a'/>
              <target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>
            </channel>
          </devices>
        </domain>
        """
}
