"""A failover there and back by its single steps, as an orchestrator takes them."""

import time
import uuid

from bascule.v1 import common_pb2, policy_pb2, vault_pb2
from bascule_client import Refused
from fake_agent import guest


class FailoverChapter:
    def prove_failover(self):
        """There with a last delta and back again, by the steps that an orchestrator takes."""
        run = str(uuid.uuid4())
        begun = self.advance(run, vault_pb2.FAILOVER_STEP_BEGIN)
        self.holds(
            begun.state == common_pb2.PROTECTION_STATE_FAILING_OVER and begun.run == run
            and begun.active_side == common_pb2.ACTIVE_SIDE_SOURCE, "a failover begins, and its run holds the guest")
        self.refused(
            common_pb2.ERROR_CODE_FAILED_PRECONDITION, "another run is refused meanwhile",
            lambda: self.advance(str(uuid.uuid4()), vault_pb2.FAILOVER_STEP_ACTIVATE_TARGET, cycle=1))
        cycle = self.last_delta(self.agents[0])
        active = self.advance(run, vault_pb2.FAILOVER_STEP_ACTIVATE_TARGET, cycle=cycle)
        self.holds(
            active.generation == begun.generation + 1 and active.failover_cycle == cycle
            and active.active_side == common_pb2.ACTIVE_SIDE_TARGET, "the generation rises with the active side")
        again = self.vault.vault(advance_failover=vault_pb2.AdvanceFailover(
            protection=self.protection.id, expected_version=begun.version, run=run, cycle=cycle,
            step=vault_pb2.FAILOVER_STEP_ACTIVATE_TARGET))
        self.holds(again == active, "the same step again is answered with what is there")
        for agent, is_active in [(self.agents[0], False), (self.agents[1], True)]:
            duty = agent.duty_when(self.protection.id, lambda duty: duty.generation == active.generation)
            self.holds(
                duty.active == is_active and duty.active_host == "secondary"
                and duty.fence_action == common_pb2.FENCE_ACTION_ALARM, f"{agent.host_name} is told its duty")
        self.prove_alarm()
        self.advance(run, vault_pb2.FAILOVER_STEP_REVERSE)
        self.follow_to(common_pb2.PROTECTION_STATE_PROTECTED, "after the reverse it is replicated back")
        back = self.registry.protections[self.protection.id]
        self.holds(
            back.direction == common_pb2.DIRECTION_REVERSE and back.source_cloud == "secondary-cloud"
            and "open_capture" in self.agents[1].asked and "commit_cycle" in self.agents[0].asked,
            "source and target, and with them the agents, have changed places")
        home = str(uuid.uuid4())
        self.advance(home, vault_pb2.FAILOVER_STEP_BEGIN)
        newest = self.last_delta(self.agents[1])
        self.holds(newest > cycle, f"cycle numbers go on: {newest} after {cycle}")
        self.advance(home, vault_pb2.FAILOVER_STEP_ACTIVATE_TARGET, cycle=newest)
        self.advance(home, vault_pb2.FAILOVER_STEP_PEND)
        committed = self.advance(home, vault_pb2.FAILOVER_STEP_COMMIT)
        self.holds(
            committed.state == common_pb2.PROTECTION_STATE_COMMITTED and not committed.run,
            "a point that is pending is committed, and no run holds the guest")
        self.agents[0].set_power("web", common_pb2.POWER_STATE_RUNNING)
        self.advance(home, vault_pb2.FAILOVER_STEP_REVERSE)
        self.follow_to(common_pb2.PROTECTION_STATE_PROTECTED, "failed back, it is protected as at first")
        self.holds(
            self.registry.protections[self.protection.id].generation == begun.generation + 2,
            "two changes of side, two generations")
        self.prove_cancellation()

    def prove_cancellation(self):
        """To another point, and back home without anything of it."""
        run = str(uuid.uuid4())
        begun = self.advance(run, vault_pb2.FAILOVER_STEP_BEGIN)
        cycle = self.last_delta(self.agents[0])
        self.advance(run, vault_pb2.FAILOVER_STEP_ACTIVATE_TARGET, cycle=cycle)
        self.advance(run, vault_pb2.FAILOVER_STEP_PEND)
        changed = self.advance(run, vault_pb2.FAILOVER_STEP_CHANGE_POINT, cycle=cycle - 1)
        self.holds(
            changed.failover_cycle == cycle - 1 and changed.state == common_pb2.PROTECTION_STATE_COMMIT_PENDING,
            "while the commit is pending the point is changed")
        back = self.advance(run, vault_pb2.FAILOVER_STEP_CANCEL)
        self.holds(
            back.generation == begun.generation + 2 and back.active_side == common_pb2.ACTIVE_SIDE_SOURCE,
            "cancelled, the source is the active side again, in a generation of its own")
        self.agents[0].set_power("web", common_pb2.POWER_STATE_RUNNING)
        self.advance(run, vault_pb2.FAILOVER_STEP_RETREAT)
        self.follow_to(common_pb2.PROTECTION_STATE_PROTECTED, "and with the retreat it is protected as before")

    def prove_alarm(self):
        """Both sides run the guest, and then only one."""
        self.agents[1].guests.append(guest("web"))
        self.agents[0].set_power("web", common_pb2.POWER_STATE_RUNNING)
        self.registry.follow(lambda registry: registry.protections[self.protection.id].alarm != "", deadline=60)
        self.holds(
            self.status_when(lambda status: status.health.level == common_pb2.HEALTH_LEVEL_CRITICAL)
            .health.reason == self.registry.protections[self.protection.id].alarm,
            "both sides running the guest is an alarm, and critical")
        self.agents[0].set_power("web", common_pb2.POWER_STATE_SHUT_OFF)
        self.registry.follow(lambda registry: registry.protections[self.protection.id].alarm == "", deadline=60)
        self.holds(True, "the alarm ends with what it was about")

    def last_delta(self, source):
        """Shuts the guest off, asks for a cycle, and gives the number of the point that has its last writes."""
        source.set_power("web", common_pb2.POWER_STATE_SHUT_OFF)
        before = self.status_when(lambda status: not status.cycle_open).newest_cycle
        self.ask_for_cycle()
        status = self.status_when(lambda status: status.newest_cycle > before)
        self.holds(status.last.offline, f"cycle {status.newest_cycle} is made when it is asked for, of a guest that is off")
        return status.newest_cycle

    def ask_for_cycle(self):
        """Policy hears of a failover by an event, so it may still know the guest as something else."""
        trigger = policy_pb2.TriggerCycle(protection=self.protection.id)
        ends = time.monotonic() + 60
        while True:
            try:
                return self.policy.policy(trigger_cycle=trigger)
            except Refused as refusal:
                if refusal.code != common_pb2.ERROR_CODE_FAILED_PRECONDITION or time.monotonic() > ends:
                    raise
                time.sleep(0.1)

    def advance(self, run, step, cycle=0):
        protection = self.registry.take_snapshot().protections[0]
        return self.vault.vault(generation=protection.generation, advance_failover=vault_pb2.AdvanceFailover(
            protection=protection.id, expected_version=protection.version, run=run, step=step, cycle=cycle))
