"""Services of ours as processes that are alone: how they are started and asked, and of the vault, which asks nobody, what
it does beside a subscriber that does not read."""

import concurrent.futures
import contextlib
import socket
import sys
import time
import uuid

import zmq
from bascule.v1 import agent_pb2, common_pb2, orchestrator_pb2 as runs, policy_pb2, vault_pb2
from bascule_client import Registry, Requests
from fake_agent import guest
from fake_neighbour import NOISE
from services import PROGRAMS, Services

# Shorter than a service waits for a neighbour (5 s), so that an answer that waited for one is seen.
PROMPT_SECONDS = 3
# Together more than the vault keeps for one subscriber (10,000). Among these libzmq counts what the kernel holds, as long
# as that is less than half of them: of events with such a path it is, in a local socket.
GUESTS, REPORTS = 1_000, 11
PATH = "/srv" + "/a-long-way-down" * 16


class AloneChapter:
    @contextlib.contextmanager
    def by_themselves(self):
        """Services on ports and in a directory of their own, of which nothing is left."""
        self.alone = Services(self.services.binaries)
        self.ask_alone = {
            name: Requests(self.context, getattr(self.alone, name))
            for name in ["vault", "crowd", "policy", "orchestrator", "agent"]}
        # Neighbours of theirs that are made of messages.
        self.threads_alone = []
        self.spare_version = 0
        try:
            # Asks what is answered late, while others are asked.
            with concurrent.futures.ThreadPoolExecutor(2) as self.late_alone:
                yield
        except Exception:
            for name in self.alone.processes:
                print(f"--- end of the log of {name}, alone\n{self.alone.last_lines(name)}", file=sys.stderr)
            raise
        finally:
            self.end_threads_alone()
            for requests in self.ask_alone.values():
                requests.close()
            self.alone.close()
        self.check_threads_alone()

    def end_threads_alone(self):
        for thread in self.threads_alone:
            thread.stopping.set()
        for thread in self.threads_alone:
            if thread.is_alive():
                thread.join(timeout=10)

    def check_threads_alone(self):
        for thread in self.threads_alone:
            if thread.fault is not None:
                raise thread.fault

    def start_alone(self, name):
        self.alone.start(name)
        self.holds_quietly(
            self.ask_alone[name].health(deadline=30).service == PROGRAMS.get(name, name), f"{name} says who it is")

    def becomes(self, look, condition, sentence, seconds=30):
        """Looks until it holds, and gives what was seen then."""
        ends = time.monotonic() + seconds
        while (seen := look()) is None or not condition(seen):
            self.alone.check()
            self.check_threads_alone()
            if time.monotonic() > ends:
                raise AssertionError(f"does not hold in time: {sentence}; the last was:\n{seen}")
            time.sleep(0.05)
        self.holds(True, sentence)
        return seen

    def prove_deaf_subscriber(self):
        self.start_alone("crowd")
        vault = self.ask_alone["crowd"]
        self.prove_garbage(self.alone.crowd)
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(self.alone.crowd_events.removeprefix("ipc://"))
            stranger.sendall(NOISE * 100)
        reader = Registry(self.context, vault, self.alone.crowd_events)
        deaf = Registry(self.context, vault, self.alone.crowd_events, [(zmq.RCVHWM, 1)])
        host = vault_pb2.Host(
            id=str(uuid.uuid4()), name="crowded", cloud="crowded-cloud", control_endpoint="tcp://127.0.0.1:1")
        vault.vault(register_host=vault_pb2.RegisterHost(host=host, site="crowded", create_missing=True))
        report = vault_pb2.ReportInventory(
            host_id=host.id, sequence=1, guests=[guest(f"guest-{number}") for number in range(GUESTS)])
        for one in report.guests:
            one.disks[0].source = PATH
        vault.vault(report_inventory=report)
        self.becomes(
            lambda: [one.socket.poll(0) for one in [reader, deaf]], all, "two subscribers hear a vault that is alone")
        first = reader.take_snapshot().event_number
        deaf.take_snapshot()
        slowest = 0
        for sequence in range(2, REPORTS + 2):
            report.sequence = sequence
            for one in report.guests:
                one.power = [common_pb2.POWER_STATE_PAUSED, common_pb2.POWER_STATE_RUNNING][sequence % 2]
            vault.vault(report_inventory=report)
            begun = time.monotonic()
            self.holds_quietly(vault.health().service == "vault", "the vault says how it is")
            slowest = max(slowest, time.monotonic() - begun)
            reader.follow(lambda registry: registry.number >= first + GUESTS * (sequence - 1))
        self.holds(
            slowest < PROMPT_SECONDS, f"while one of them does not read, it answers within {slowest * 1000:.0f} ms")
        self.holds(
            reader.applied == GUESTS * REPORTS and reader.snapshots == 1,
            f"and the other gets {reader.applied} events of {GUESTS * REPORTS}, without a gap")
        deaf.follow(lambda registry: registry.number >= reader.number)
        self.holds(
            deaf.snapshots == 2 and deaf.applied < GUESTS * REPORTS and deaf.epoch == reader.epoch,
            f"when the first reads again, it sees by their numbers that {GUESTS * REPORTS - deaf.applied} are missing, and"
            " takes a snapshot")
        for registry in [reader, deaf]:
            registry.close()
        self.holds(self.alone.terminate("crowd") == 0, "the vault ends by itself when it is asked to")

    # Asking.

    def all_are_prompt(self, sentence):
        for name in ["policy", "orchestrator", "agent"]:
            self.is_prompt(name, sentence)

    def is_prompt(self, name, sentence):
        begun = time.monotonic()
        getattr(self, f"ask_{name}_alone")()
        self.holds(time.monotonic() - begun < PROMPT_SECONDS, f"{sentence}, the {name} answers what it is asked at once")

    def a_policy(self, name, frequency):
        return policy_pb2.ReplicationPolicy(
            name=name, frequency_seconds=frequency, compression=common_pb2.COMPRESSION_AUTOMATIC,
            retention=policy_pb2.Retention(every_cycle_seconds=3600))

    def ask_policy_alone(self):
        policy, worker = self.ask_alone["policy"], policy_pb2.WorkerDescription(id=str(uuid.uuid4()), name="idle")
        self.spare_version += 1
        policy.policy(put_policy=policy_pb2.PutPolicy(policy=self.a_policy("spare", 60 + self.spare_version)))
        listed = {one.name: one.version for one in policy.policy(list_policies=policy_pb2.ListPolicies()).policies}
        self.holds_quietly(listed["spare"] == self.spare_version, f"a policy is stored: {listed}")
        jobs = policy.policy(pull_jobs=policy_pb2.PullJobs(worker=worker, free_slots=1, wait_ms=50)).jobs
        self.holds_quietly(not jobs, "there is no job")
        workers = policy.policy(list_workers=policy_pb2.ListWorkers()).workers
        self.holds_quietly([one.description.id for one in workers] == [worker.id], f"the worker is listed: {workers}")
        policy.policy(leave_board=policy_pb2.LeaveBoard(worker_id=worker.id))

    def ask_orchestrator_alone(self):
        orchestrator = self.ask_alone["orchestrator"]
        self.holds_quietly(orchestrator.health().service == "orchestrator", "the orchestrator says who it is")
        for run in orchestrator.orchestrator(list_runs=runs.ListRuns()).runs:
            self.holds_quietly(orchestrator.orchestrator(get_run=runs.GetRun(id=run.id)).id == run.id, "a run is shown")

    def ask_agent_alone(self):
        agent, protection = self.ask_alone["agent"], str(uuid.uuid4())
        agent.agent(generation=1, close_capture=agent_pb2.CloseCapture(protection=protection, cycle=1))
        side = agent.agent(describe_side=agent_pb2.DescribeSide(protection=protection, guest_uuid=protection))
        self.holds_quietly(not side.has_replica, "it has no such replica")
        health = agent.health()
        self.holds_quietly(health.level == common_pb2.HEALTH_LEVEL_NORMAL, f"the agent is well: {health.details}")
