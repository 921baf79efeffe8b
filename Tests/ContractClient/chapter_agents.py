"""Host agents from both sides: ours asks a host made of messages, and a client made of messages asks ours."""

import signal
import subprocess
import time
import uuid

from bascule.v1 import agent_pb2 as agent, common_pb2, policy_pb2, vault_pb2
from bascule_client import Refused
from coverage import kinds

GUEST = str(uuid.uuid4())
PROTECTION = str(uuid.uuid4())

DISK = common_pb2.Disk(target="vda", size_bytes=1 << 20, format="qcow2", source="/nowhere.qcow2")
FAILOVER = agent.REPLICA_PURPOSE_FAILOVER

# What an agent of ours answers that knows neither guest nor replica: the message of its reply, or the code that it refuses
# with. They are asked in this order, `set_side` last: what it leaves behind is gone again with the next report, because the
# vault knows nothing of it. A request without a row here fails the proof.
ANSWERS = {
    "open_capture": (agent.OpenCapture(
        protection=PROTECTION, guest_uuid=GUEST, cycle=1, kind=policy_pb2.CYCLE_KIND_FULL,
        consistency=common_pb2.CONSISTENCY_CRASH, freeze_limit_ms=5_000, keep_ms=20_000, regions_per_disk=16), "NOT_FOUND"),
    "keep_capture": (agent.KeepCapture(protection=PROTECTION, cycle=1, keep_ms=20_000), "NOT_FOUND"),
    "close_capture": (agent.CloseCapture(protection=PROTECTION, cycle=1, committed=False), "AgentDone"),
    "release_source": (agent.ReleaseSource(protection=PROTECTION, guest_uuid=GUEST), "AgentDone"),
    "open_cycle": (agent.OpenCycle(
        protection=PROTECTION, guest_uuid=GUEST, guest_name="web", cycle=2, parent_cycle=1,
        kind=policy_pb2.CYCLE_KIND_INCREMENTAL, captured_unix_ms=1, consistency=common_pb2.CONSISTENCY_CRASH,
        disks=[DISK], definition="<domain/>", retention=policy_pb2.Retention(every_cycle_seconds=60)), "WRONG_PARENT"),
    "commit_cycle": (agent.CommitCycle(protection=PROTECTION, cycle=2), "NOT_FOUND"),
    "abort_cycle": (agent.AbortCycle(protection=PROTECTION, cycle=2), "AgentDone"),
    "describe_replica": (agent.DescribeReplica(protection=PROTECTION), "NOT_FOUND"),
    "list_points": (agent.ListPoints(protection=PROTECTION), "NOT_FOUND"),
    "delete_replica": (agent.DeleteReplica(protection=PROTECTION), "AgentDone"),
    "open_view": (agent.OpenView(protection=PROTECTION, keep_ms=10_000), "NOT_FOUND"),
    "close_view": (agent.CloseView(view="none"), "AgentDone"),
    "keep_view": (agent.KeepView(view="none"), "NOT_FOUND"),
    "scrub": (agent.Scrub(protection=PROTECTION), "NOT_FOUND"),
    "doctor_check": (agent.DoctorCheck(), "DoctorReport"),
    "stop_guest": (agent.StopGuest(protection=PROTECTION, guest_uuid=GUEST, shutdown_limit_ms=1_000), "GuestStopped"),
    "start_guest": (agent.StartGuest(protection=PROTECTION, guest_uuid=GUEST), "NOT_FOUND"),
    "start_replica": (agent.StartReplica(protection=PROTECTION, cycle=1, purpose=FAILOVER), "NOT_FOUND"),
    "stop_replica": (agent.StopReplica(protection=PROTECTION, purpose=FAILOVER), "AgentDone"),
    "commit_replica": (agent.CommitReplica(protection=PROTECTION), "NOT_FOUND"),
    "prepare_replica": (agent.PrepareReplica(protection=PROTECTION), "NOT_FOUND"),
    "adopt_disks": (agent.AdoptDisks(protection=PROTECTION, guest_uuid=GUEST, cycle=1), "FAILED_PRECONDITION"),
    "describe_side": (agent.DescribeSide(protection=PROTECTION, guest_uuid=GUEST), "SideDescription"),
    "set_side": (agent.SetSide(protection=PROTECTION, guest_uuid=GUEST, active=False), "AgentDone"),
}


class AgentChapter:
    def prove_command_line(self):
        """The command line asks a host agent that knows of Bascule only its messages."""
        secondary = self.agents[1]
        points = self.services.command("points", "web", "--json")
        self.holds('"cycle"' in points, "the command line lists the points of a host made of messages")
        self.holds("no fault" in self.services.command("scrub", "web"), "and has it verified")
        # No worker is there now, which the doctor says, with the status of a check that failed.
        checks = self.services.command("doctor", "secondary", "--json", ends_with=4)
        self.holds("A host made of messages." in checks, "and asks it how it is")
        export = subprocess.Popen(
            [self.services.binaries / "bascule", "export", "web", "--json", "--vault", self.services.vault],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            line = export.stdout.readline()
            self.holds('"view"' in line, f"it opens a view there: {line.strip()[:60]}")
            ends = time.monotonic() + 30
            while "keep_view" not in secondary.asked and time.monotonic() < ends:
                time.sleep(0.1)
            self.holds("keep_view" in secondary.asked, "and keeps it alive while it is used")
            export.send_signal(signal.SIGINT)
            export.wait(timeout=20)
            self.holds("close_view" in secondary.asked, "and closes it at the end")
        finally:
            if export.poll() is None:
                export.kill()
                export.wait(timeout=10)
            export.stdout.close()

    def prove_agent(self):
        """An agent of ours that has no guest answers every request, in words of the contract."""
        self.services.start("agent")
        self.holds(
            self.agent.health(deadline=30).service == "agent", "a host agent says who and how it is")
        self.registry.follow(
            lambda registry: any(one.name == "quiet" for one in registry.take_snapshot().hosts), deadline=30)
        wanted = kinds("agent", 0)
        self.holds(set(ANSWERS) == wanted, f"every request has its row; without one: {sorted(wanted ^ set(ANSWERS))}")
        judged = agent.StopReplica(protection=PROTECTION, purpose=FAILOVER, verdict=common_pb2.TEST_VERDICT_FAILED)
        self.holds(
            self.ask_agent("stop_replica", judged) == "INVALID_ARGUMENT", "only a test is judged")
        for name, (message, expected) in ANSWERS.items():
            seen = self.ask_agent(name, message)
            self.holds(seen == expected, f"an agent without guests answers {name}: {expected}; it was {seen}")
        self.services.check()
        [host] = [one for one in self.registry.take_snapshot().hosts if one.name == "quiet"]
        self.prove_taken_over(host)
        self.holds(self.services.terminate("agent") == 0, "the agent ends by itself when it is asked to")
        self.vault.vault(remove_host=vault_pb2.RemoveHost(id=host.id))
        self.vault.vault(delete_cloud=vault_pb2.DeleteCloud(name="quiet-cloud"))
        self.vault.vault(delete_site=vault_pb2.DeleteSite(name="quiet"))
        self.registry.follow(lambda registry: "host_removed" in registry.seen, deadline=30)
        self.holds(
            all(one.name != "quiet" for one in self.registry.take_snapshot().hosts), "its host is removed")

    def prove_taken_over(self, host):
        """Another agent registers as its host, in a newer incarnation; it is then the machine that was replaced."""
        host.incarnation = 1
        self.vault.vault(register_host=vault_pb2.RegisterHost(host=host))
        ends = time.monotonic() + 30
        while (health := self.agent.health()).level != common_pb2.HEALTH_LEVEL_CRITICAL and time.monotonic() < ends:
            time.sleep(0.2)
        self.holds(
            any("taken over" in detail for detail in health.details),
            "an agent whose host another one took over hears of it from the vault, and says so")
        for name in ["open_capture", "open_view", "start_guest", "start_replica"]:
            seen = self.ask_agent(name, ANSWERS[name][0])
            self.holds(seen == "FAILED_PRECONDITION", f"and does not carry out {name} any more; it was {seen}")
        self.holds(self.ask_agent("doctor_check", agent.DoctorCheck()) == "DoctorReport", "but answers questions")
        host.incarnation = 0
        self.refused(
            common_pb2.ERROR_CODE_STALE_GENERATION, "an older incarnation of a host is not registered",
            lambda: self.vault.vault(register_host=vault_pb2.RegisterHost(host=host)))

    def ask_agent(self, name, message):
        try:
            answer = self.agent.agent(generation=1, deadline=20, **{name: message})
        except Refused as refusal:
            if not refusal.error.message:
                raise AssertionError(f"{name} was refused without a sentence") from refusal
            return common_pb2.ErrorCode.Name(refusal.code).removeprefix("ERROR_CODE_")
        return type(answer).DESCRIPTOR.name
