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
        ports = [f"tcp://127.0.0.1:{port}" for port in free_ports(3)]
        self.vault, self.vault_events, self.policy = ports
        self.settings = {
            "vault": {"state": self.root / "vault", "listen": self.vault, "publish": self.vault_events},
            "policy": {
                "state": self.root / "policy", "listen": self.policy, "vault": self.vault,
                "vaultEvents": self.vault_events},
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
