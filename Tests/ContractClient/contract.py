"""Proves that Protocol.md and the .proto files are enough. Started by `run`; see README.md."""

import argparse
import os
import sys
import time
import traceback

import zmq
from bascule.v1 import common_pb2, envelope_pb2, policy_pb2, vault_pb2
from bascule_client import Refused, Registry, Requests
from chapter_agents import AgentChapter
from chapter_alone import AloneChapter
from chapter_failover import FailoverChapter
from chapter_hosts import HostChapter
from chapter_neighbours import NeighbourChapter
from chapter_runs import RunChapter
from chapter_topology import TopologyChapter
from chapter_transfers import TransferChapter
from chapter_workers import WorkerChapter
from coverage import Coverage
from fake_agent import FakeAgent, guest
from services import Services

RAW_DISK = common_pb2.Finding(
    rule="raw-disk", subject="vda", message="Disk vda is raw and cannot be tracked.", remedy="Convert it to qcow2.",
    blocking=True)


class Contract(
        TopologyChapter, WorkerChapter, FailoverChapter, RunChapter, AgentChapter, HostChapter, TransferChapter,
        AloneChapter, NeighbourChapter):
    def __init__(self, services):
        self.services = services
        self.context = zmq.Context()
        self.coverage = Coverage()
        self.vault = Requests(self.context, services.vault, coverage=self.coverage)
        self.policy = Requests(self.context, services.policy, coverage=self.coverage)
        self.orchestrator = Requests(self.context, services.orchestrator, coverage=self.coverage)
        self.agent = Requests(self.context, services.agent, coverage=self.coverage)
        self.host = Requests(self.context, services.host, coverage=self.coverage)
        self.registry = Registry(self.context, self.vault, services.vault_events)
        self.agents = [
            FakeAgent(self.context, "primary", services.vault,
                      [guest("web"), guest("old", "raw", [RAW_DISK])], self.coverage),
            FakeAgent(self.context, "secondary", services.vault, coverage=self.coverage),
        ]
        self.held = 0
        # Chapters are mixed into one class, where the second of one name would silently take the place of the first.
        own = [name for chapter in type(self).__bases__ for name in vars(chapter) if not name.startswith("__")]
        assert len(own) == len(set(own)), f"two chapters have {sorted(name for name in own if own.count(name) > 1)}"

    def holds(self, condition, sentence):
        if not condition:
            raise AssertionError(f"does not hold: {sentence}")
        self.held += 1
        print(f"contract: {sentence}", flush=True)

    def holds_quietly(self, condition, sentence):
        """For what is asked again and again."""
        if not condition:
            raise AssertionError(f"does not hold: {sentence}")

    def refused(self, code, sentence, ask):
        try:
            ask()
        except Refused as refusal:
            self.holds(
                refusal.code == code and refusal.error.message, f"{sentence} ({refusal.error.message})")
        else:
            raise AssertionError(f"was not refused: {sentence}")

    def prove(self):
        self.prove_health()
        self.prove_registration()
        self.prove_topology()
        self.prove_policies()
        self.prove_refusals()
        self.prove_protection()
        self.prove_protection_of_a_cloud()
        self.prove_workers()
        self.prove_pause()
        self.prove_restart()
        self.prove_failover()
        self.prove_command_line()
        self.prove_runs()
        self.prove_removal()
        self.prove_removal_in_place_of_policy()
        self.prove_agent()
        self.prove_host()
        self.prove_transfers()
        self.prove_coverage()
        self.prove_stop()
        self.prove_alone()
        return self.held

    def prove_coverage(self):
        """Against the .proto files as they are now: what is added there needs a case here."""
        ends = time.monotonic() + 20
        while not self.registry.seen >= {"guest_removed"} and time.monotonic() < ends:
            self.registry.take_in(0.5)
        self.coverage.events |= self.registry.seen
        missing = self.coverage.missing()
        self.holds(not missing, f"{self.coverage.counts()} were seen" if not missing
                   else "every message has a case; without one:\n  " + "\n  ".join(missing))

    # One chapter each.

    def prove_health(self):
        for requests, name in [
            (self.vault, "vault"), (self.policy, "policy"), (self.orchestrator, "orchestrator")]:
            health = requests.health(deadline=30)
            self.holds(health.service == name and health.version, f"{name} says who and how it is")

    def prove_registration(self):
        for agent in self.agents:
            host = agent.register()
            self.holds(host.id == agent.id and host.reachable, f"host {host.name} is registered")
            agent.report()
        pair = vault_pb2.CloudPair(source_cloud="primary-cloud", target_cloud="secondary-cloud", policy="python")
        self.vault.vault(pair_clouds=vault_pb2.PairClouds(pair=pair))
        snapshot = self.registry.take_snapshot()
        self.holds(
            [site.name for site in snapshot.sites] == ["primary", "secondary"] and len(snapshot.pairs) == 1
            and sorted(guest.name for guest in snapshot.guests) == ["old", "web"],
            "sites, clouds, their pair and the guests are in the snapshot")
        stored = self.policy.policy(put_policy=policy_pb2.PutPolicy(policy=policy_pb2.ReplicationPolicy(
            name="python", frequency_seconds=1, compression=common_pb2.COMPRESSION_AUTOMATIC,
            retention=policy_pb2.Retention(every_cycle_seconds=3600))))
        self.holds(stored.name == "python" and stored.version > 0, "a policy is stored and has a version")
        for agent in self.agents:
            agent.start()
        for power in [common_pb2.POWER_STATE_PAUSED, common_pb2.POWER_STATE_CRASHED, common_pb2.POWER_STATE_RUNNING]:
            self.agents[0].set_power("old", power)
            self.registry.follow(
                lambda registry: any(
                    one.name == "old" and one.power == power for one in registry.take_snapshot().guests), deadline=30)
        self.holds(True, "a guest is listed as paused, crashed and running when its host says so")

    def prove_refusals(self):
        number = self.registry.take_snapshot().event_number
        self.refused(
            common_pb2.ERROR_CODE_NOT_FOUND, "an unknown guest is refused",
            lambda: self.vault.vault(protect=vault_pb2.Protect(guest="nobody")))
        self.refused(
            common_pb2.ERROR_CODE_FAILED_PRECONDITION, "a raw disk is refused at once",
            lambda: self.vault.vault(protect=vault_pb2.Protect(guest="old")))
        self.refused(
            common_pb2.ERROR_CODE_INVALID_ARGUMENT, "a policy with zero frequency is refused",
            lambda: self.policy.policy(put_policy=policy_pb2.PutPolicy(
                policy=policy_pb2.ReplicationPolicy(name="never"))))
        self.refused(
            common_pb2.ERROR_CODE_UNIMPLEMENTED, "the vault does not answer for policy",
            lambda: self.vault.policy(list_policies=policy_pb2.ListPolicies()))
        for endpoint in [self.services.vault, self.services.policy, self.services.orchestrator]:
            self.prove_garbage(endpoint)
        self.holds(
            self.registry.take_snapshot().event_number == number, "what was refused has changed nothing")

    def prove_garbage(self, endpoint):
        dealer = self.context.socket(zmq.DEALER)
        dealer.connect(endpoint)
        dealer.send_multipart([b"", os.urandom(200)])
        dealer.send_multipart([b""] * 9)
        envelope = envelope_pb2.Envelope(protocol_version=99, operation_id=os.urandom(16))
        envelope.health_request.SetInParent()
        dealer.send(envelope.SerializeToString())
        answered = None
        while answered is None and dealer.poll(10_000):
            answer = envelope_pb2.Envelope.FromString(dealer.recv_multipart()[-1])
            answered = answer if answer.operation_id == envelope.operation_id else None
        dealer.close(linger=0)
        self.coverage.saw(answered)
        self.holds(
            answered is not None and answered.error.code == common_pb2.ERROR_CODE_UNSUPPORTED_VERSION,
            f"after garbage, {endpoint} still answers, and refuses another version")

    def prove_protection(self):
        operation = os.urandom(16)
        protect = vault_pb2.Protect(guest="web")
        self.protection = self.vault.vault(protect=protect, operation=operation)
        again = self.vault.vault(protect=protect, operation=operation)
        self.holds(again == self.protection, "the same command again gets the same answer")
        self.refused(
            common_pb2.ERROR_CODE_ALREADY_EXISTS, "a guest is not protected twice",
            lambda: self.vault.vault(protect=protect))
        self.follow_to(common_pb2.PROTECTION_STATE_PROTECTED, "events tell that the guest is protected")
        self.holds(
            self.agents[0].asked[:1] == ["open_capture"] and "commit_cycle" in self.agents[1].asked,
            "policy asked both agents as the protocol says")
        status = self.status_when(lambda status: status.newest_cycle >= 2 and not status.last.HasField("error"))
        self.holds(
            status.protection == self.protection.id and status.newest_point_age_ms >= 0 and status.policy == "python",
            f"its status names cycle {status.newest_cycle}, {status.newest_point_age_ms} ms old")
        self.holds(
            status.health.level == common_pb2.HEALTH_LEVEL_NORMAL, "its health is normal")

    def prove_pause(self):
        self.refused(
            common_pb2.ERROR_CODE_CONFLICT, "a decision on an old version is a conflict",
            lambda: self.vault.vault(change_state=vault_pb2.ChangeState(
                protection=self.protection.id, expected_version=1, state=common_pb2.PROTECTION_STATE_PAUSED)))
        for state in [common_pb2.PROTECTION_STATE_PAUSED, common_pb2.PROTECTION_STATE_PROTECTED]:
            self.vault.vault(change_state=vault_pb2.ChangeState(
                protection="web", state=state, reason="Asked by the contract."))
            word = common_pb2.ProtectionState.Name(state).removeprefix("PROTECTION_STATE_").lower()
            self.follow_to(state, f"events tell that the guest is {word} on command")

    def prove_restart(self):
        """SIGKILL: the vault comes back with everything, another epoch, and numbers that go on."""
        before = self.registry.take_snapshot()
        self.services.kill("vault")
        self.services.start("vault")
        after = self.registry.take_snapshot()
        self.holds(
            after.epoch != before.epoch and after.event_number >= before.event_number
            and [one.id for one in after.protections] == [one.id for one in before.protections],
            "a vault that was killed comes back with its registry and its numbering")
        cycle = self.status_when(lambda status: True).newest_cycle
        status = self.status_when(lambda status: status.newest_cycle > cycle)
        self.holds(True, f"replication goes on after it: cycle {status.newest_cycle}")

    def prove_stop(self):
        for agent in self.agents:
            agent.stopping.set()
            agent.join(timeout=10)
            if agent.fault is not None:
                raise agent.fault
        for name in ["orchestrator", "policy", "vault"]:
            self.holds(self.services.terminate(name) == 0, f"{name} ends by itself when it is asked to")

    # Waiting.

    def follow_to(self, state, sentence):
        def is_there(registry):
            self.services.check()
            found = registry.protections.get(self.protection.id)
            return found is not None and found.state == state

        self.registry.follow(is_there, deadline=60)
        self.holds(True, sentence)

    def status_when(self, condition):
        ends = time.monotonic() + 60
        seen = None
        while time.monotonic() < ends:
            self.services.check()
            statuses = self.policy.policy(get_status=policy_pb2.GetStatus(protection=self.protection.id)).statuses
            seen = statuses[0] if statuses else None
            if seen is not None and condition(seen):
                return seen
            time.sleep(0.1)
        raise AssertionError(f"the status that was waited for did not come; the last was:\n{seen}")

    def close(self):
        for agent in self.agents:
            agent.stopping.set()
            if agent.is_alive():
                agent.join(timeout=10)
        self.registry.close()
        for requests in [self.vault, self.policy, self.orchestrator, self.agent, self.host]:
            requests.close()
        self.context.destroy(linger=0)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--binaries", required=True)
    services = Services(arguments.parse_args().binaries)
    contract = None
    try:
        for name in ["vault", "policy", "orchestrator"]:
            services.start(name)
        contract = Contract(services)
        print(f"contract: {contract.prove()} statements hold")
        return 0
    except Exception as fault:
        traceback.print_exc()
        print(f"contract: BROKEN: {fault}", file=sys.stderr)
        for name in services.processes:
            print(f"--- end of the log of {name}\n{services.last_lines(name)}", file=sys.stderr)
        for agent in contract.agents if contract else []:
            print(f"--- {agent.host_name} was asked {agent.asked[-20:]}; fault: {agent.fault}", file=sys.stderr)
        return 1
    finally:
        if contract:
            contract.close()
        services.close()


sys.exit(main())
