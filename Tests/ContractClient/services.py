"""Starts and ends real services, each with a settings file of its own, in one short directory under /tmp."""

import errno
import os
import pathlib
import platform
import random
import shutil
import signal
import socket
import subprocess
import tempfile


# Services whose program has another name.
PROGRAMS = {"host": "agent", "crowd": "vault"}

# QEMU as libvirt's embedded driver runs it outside systemd, and without its log daemon.
QEMU_SETTINGS = """stdio_handler = "file"
user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = []
remember_owner = 0
"""

# A machine without an operating system: it runs, and looks for something to boot.
GUEST_XML = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os><type arch='{machine}' machine='q35'>hvm</type></os>
  <features><acpi/><apic/></features>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='{image}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
  </devices>
</domain>
"""


def free_ports(count):
    """Ports that were free a moment ago: all are held at once, so that none comes twice. Below those that the kernel takes
    for connections, because one of these could take a port while its service is being started again."""
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = range(10_000, lowest) if lowest > 11_000 else range(10_000, 65_536)
    held = []
    while len(held) < count:
        one = socket.socket()
        try:
            one.bind(("127.0.0.1", random.choice(ports)))
        except OSError as error:
            one.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            held.append(one)
    found = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return found


class Services:
    def __init__(self, binaries):
        self.binaries = pathlib.Path(binaries).resolve()
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="bsc-", dir="/tmp"))
        ports = [f"tcp://127.0.0.1:{port}" for port in free_ports(10)]
        self.vault, self.vault_events, self.policy, self.orchestrator, self.agent, self.host, self.worker = ports[:7]
        self.crowd = ports[9]
        self.crowd_events = f"ipc://{self.root}/crowd-events"
        # Where the embedded driver of `host` keeps everything.
        self.hypervisor = self.root / "v"
        # A host of libvirt's test driver that has no guest: nothing is run, and every request can still be asked.
        hypervisor = self.root / "hypervisor.xml"
        hypervisor.write_text("<node/>\n")
        self.settings = {
            "vault": {"state": self.root / "vault", "listen": self.vault, "publish": self.vault_events},
            # Another vault, whose events do not go over the network.
            "crowd": {"state": self.root / "crowd", "listen": self.crowd, "publish": self.crowd_events},
            "policy": {
                "state": self.root / "policy", "listen": self.policy, "vault": self.vault,
                "vaultEvents": self.vault_events, "jobsPerHost": 1},
            "orchestrator": {
                "state": self.root / "orchestrator", "listen": self.orchestrator, "vault": self.vault,
                "policy": self.policy},
            "agent": {
                "name": "quiet", "site": "quiet", "cloud": "quiet-cloud", "state": self.root / "agent",
                "replicas": self.root / "replicas", "listen": self.agent, "bulkListen": ports[7],
                "vault": self.vault,
                "hypervisor": f"test://{hypervisor}"},
            # Another agent, whose host has a guest; see `add_guest`.
            "host": {
                "name": "real", "site": "real", "cloud": "real-cloud", "state": self.root / "host",
                "replicas": self.root / "host-replicas", "listen": self.host, "bulkListen": ports[8],
                "vault": self.vault, "nbdkitPlugin": self.binaries / "libbascule-view-plugin.so",
                "hypervisor": f"qemu:///embed?root={self.hypervisor}"},
            "worker": {"name": "messages", "policy": self.policy, "listen": self.worker, "slots": "2"},
        }
        self.processes = {}

    def start(self, name):
        file = self.root / f"{name}.yaml"
        file.write_text("".join(f'{key}: "{value}"\n' for key, value in self.settings[name].items()))
        log = (self.root / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [self.binaries / f"bascule-{PROGRAMS.get(name, name)}", "--config", file], stdin=subprocess.DEVNULL,
            stdout=log, stderr=log)
        log.close()

    def add_guest(self, name, uuid, size):
        """Gives `host` a guest that is off, with one disk that holds something; returns the path of its image."""
        raw, image, document = (self.root / f"{name}.{kind}" for kind in ["raw", "qcow2", "xml"])
        with raw.open("wb") as file:
            file.truncate(size)
            file.seek(1 << 20)
            file.write(os.urandom(300 << 10))
        subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, image], check=True, timeout=30)
        document.write_text(GUEST_XML.format(name=name, uuid=uuid, image=image, machine=platform.machine()))
        (self.hypervisor / "etc").mkdir(parents=True)
        (self.hypervisor / "etc" / "qemu.conf").write_text(QEMU_SETTINGS)
        subprocess.run(
            ["virsh", "--quiet", "--connect", self.settings["host"]["hypervisor"], "define", document], check=True,
            timeout=60, stdin=subprocess.DEVNULL)
        return image

    def kill(self, name):
        """As a crash would end it."""
        self.processes[name].kill()
        self.processes[name].wait(timeout=10)

    def terminate(self, name):
        """As an operator would; returns the exit status."""
        process = self.processes.pop(name)
        process.terminate()
        try:
            return process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)
            raise

    def command(self, *arguments, ends_with=0, timeout=30):
        """The command line of operators, against these services; returns its standard output."""
        environment = {
            "PATH": "/usr/bin:/bin", "HOME": str(self.root), "BASCULE_VAULT": self.vault, "BASCULE_POLICY": self.policy,
            "BASCULE_VAULT_EVENTS": self.vault_events, "BASCULE_ORCHESTRATOR": self.orchestrator}
        done = subprocess.run(
            [self.binaries / "bascule", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout, env=environment, check=False)
        if done.returncode != ends_with:
            raise AssertionError(f"bascule {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def check(self):
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise AssertionError(f"bascule-{name} ended with {process.returncode}:\n{self.last_lines(name)}")

    def last_lines(self, name):
        log = self.root / f"{name}.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else "(no log)"

    def close(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait(timeout=10)
        # Guests outlive their agent; what a chapter that failed left behind ends here.
        for file in (self.hypervisor / "run" / "qemu").glob("*.pid"):
            if file.name != "driver.pid":
                try:
                    os.kill(int(file.read_text()), signal.SIGKILL)
                except ProcessLookupError:
                    pass  # It had ended by itself.
        shutil.rmtree(self.root)
