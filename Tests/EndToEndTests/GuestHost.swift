/// Where the guest of a scenario runs: the private libvirtd of this run, or an embedded root, which `virsh` can join only
/// while no agent has it open.
enum GuestHost {
    @TaskLocal static var uri = "qemu:///system"
}
