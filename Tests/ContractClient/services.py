"""Starts and ends real services, each with a settings file of its own, in one short directory under /tmp."""

import pathlib
import shutil
import socket
import subprocess
import tempfile


def free_ports(count):
    """Ports that were free a moment ago: all are held at once, so that none comes twice."""
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Services:
    def __init__(self, binaries):
        self.binaries = pathlib.Path(binaries).resolve()
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="bsc-", dir="/tmp"))
        ports = [f"tcp://127.0.0.1:{port}" for port in free_ports(6)]
        self.vault, self.vault_events, self.policy, self.orchestrator, self.agent, bulk = ports
        # A host of libvirt's test driver that has no guest: nothing is run, and every request can still be asked.
        hypervisor = self.root / "hypervisor.xml"
        hypervisor.write_text("<node/>\n")
        self.settings = {
            "vault": {"state": self.root / "vault", "listen": self.vault, "publish": self.vault_events},
            "policy": {
                "state": self.root / "policy", "listen": self.policy, "vault": self.vault,
                "vaultEvents": self.vault_events},
            "orchestrator": {
                "state": self.root / "orchestrator", "listen": self.orchestrator, "vault": self.vault,
                "policy": self.policy},
            "agent": {
                "name": "quiet", "site": "quiet", "cloud": "quiet-cloud", "state": self.root / "agent",
                "replicas": self.root / "replicas", "listen": self.agent, "bulkListen": bulk, "vault": self.vault,
                "hypervisor": f"test://{hypervisor}"},
        }
        self.processes = {}

    def start(self, name):
        file = self.root / f"{name}.yaml"
        file.write_text("".join(f'{key}: "{value}"\n' for key, value in self.settings[name].items()))
        log = (self.root / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [self.binaries / f"bascule-{name}", "--config", file], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()

    def kill(self, name):
        """As a crash would end it."""
        self.processes[name].kill()
        self.processes[name].wait(timeout=10)

    def terminate(self, name):
        """As an operator would; returns the exit status."""
        self.processes[name].terminate()
        return self.processes[name].wait(timeout=20)

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
        shutil.rmtree(self.root)
