"""What a host without a hypervisor does for replicas, sides and views: the target role of a host agent, as far as it shows
in messages. `FakeAgent` mixes it in."""

import os
import time

from bascule.v1 import agent_pb2, common_pb2


class FakeReplica:
    """State it uses of the agent: `guests`, `replicas` (protection → newest cycle), `started`, `tested` and
    `verified` (protection → the one cycle that is), `refuse_next`."""

    def _describe_side(self, request, reply):
        side = reply.agent_reply.side
        known = self.find(request.guest_uuid)
        side.power = known.power if known else common_pb2.POWER_STATE_UNSPECIFIED
        side.has_replica = request.protection in self.replicas
        side.active = self.sides.get(request.protection, False)
        for purpose, field in [(agent_pb2.REPLICA_PURPOSE_FAILOVER, "failover"), (agent_pb2.REPLICA_PURPOSE_TEST, "test")]:
            running = self.started.get((request.protection, purpose))
            if running is not None:
                getattr(side, field).CopyFrom(running)

    def _set_side(self, request, reply):
        self.sides[request.protection] = request.active
        reply.agent_reply.done.SetInParent()

    def _stop_guest(self, request, reply):
        known = self.find(request.guest_uuid)
        stopped = reply.agent_reply.guest_stopped
        stopped.was_running = known is not None and known.power == common_pb2.POWER_STATE_RUNNING
        if known is not None:
            known.power = common_pb2.POWER_STATE_SHUT_OFF

    def _start_guest(self, request, reply):
        self.find(request.guest_uuid).power = common_pb2.POWER_STATE_RUNNING
        reply.agent_reply.done.SetInParent()

    def _started_from(self, cycle):
        return agent_pb2.ReplicaStarted(
            guest_uuid=self.protected_guest.uuid, guest_name=self.protected_guest.name, cycle=cycle, start_ms=3,
            running_unix_ms=int(time.time() * 1000))

    def start_by_itself(self, protection, cycle):
        """For good, from that point."""
        started = self._started_from(cycle)
        known = self.find(started.guest_uuid)
        if known is None:
            self.guests.append(type(self.protected_guest)())
            known = self.guests[-1]
            known.CopyFrom(self.protected_guest)
        known.power = common_pb2.POWER_STATE_RUNNING
        self.started[(protection, agent_pb2.REPLICA_PURPOSE_FAILOVER)] = started

    def _start_replica(self, request, reply):
        if request.purpose == agent_pb2.REPLICA_PURPOSE_TEST:
            started = self._started_from(request.cycle)
            started.guest_name += "-test"
            self.tested[request.protection] = request.cycle
            self.started[(request.protection, request.purpose)] = started
        else:
            self.start_by_itself(request.protection, request.cycle)
        reply.agent_reply.replica_started.CopyFrom(self.started[(request.protection, request.purpose)])

    def _stop_replica(self, request, reply):
        running = self.started.pop((request.protection, request.purpose), None)
        if running is not None and request.verdict == common_pb2.TEST_VERDICT_VERIFIED:
            self.verified[request.protection] = running.cycle
        if running is not None and request.verdict == common_pb2.TEST_VERDICT_FAILED:
            self.verified.pop(request.protection, None)
        if running is not None and request.purpose == agent_pb2.REPLICA_PURPOSE_FAILOVER:
            self.guests[:] = [known for known in self.guests if known.uuid != running.guest_uuid]
        reply.agent_reply.done.SetInParent()

    def _commit_replica(self, request, reply):
        reply.agent_reply.work_progress.finished = True

    def _prepare_replica(self, request, reply):
        reply.agent_reply.work_progress.finished = True

    def _adopt_disks(self, request, reply):
        self.replicas[request.protection] = request.cycle
        # A guest that was started from a replica here leaves an ordinary replica behind; one of this host's own, its disks.
        if self.started.pop((request.protection, agent_pb2.REPLICA_PURPOSE_FAILOVER), None) is None:
            self.adopted.add(request.protection)
        else:
            self.guests[:] = [known for known in self.guests if known.uuid != request.guest_uuid]
        reply.agent_reply.done.SetInParent()

    def _describe_replica(self, request, reply):
        replica = reply.agent_reply.replica
        replica.protection = request.protection
        replica.newest_cycle = self.replicas.get(request.protection, 0)
        replica.points = 1 if replica.newest_cycle else 0
        replica.adopted = request.protection in self.adopted

    def _list_points(self, request, reply):
        newest = self.replicas.get(request.protection, 0)
        points = reply.agent_reply.points
        points.SetInParent()
        # The one that a test was started from is kept, however many follow.
        tested = {self.tested[request.protection]} if request.protection in self.tested else set()
        for cycle in sorted(tested | set(range(max(1, newest - 4), newest + 1))):
            point = points.points.add(
                cycle=cycle, captured_unix_ms=int(time.time() * 1000) - (newest - cycle) * 1000,
                consistency=common_pb2.CONSISTENCY_CRASH, identifier=cycle.to_bytes(16, "big"))
            if self.verified.get(request.protection) == cycle:
                point.verified = True
                point.verified_by = agent_pb2.VERIFIED_BY_OPERATOR
                point.verified_unix_ms = int(time.time() * 1000)

    def _delete_replica(self, request, reply):
        self.replicas.pop(request.protection, None)
        reply.agent_reply.done.SetInParent()

    # Views and checks.

    def _open_view(self, request, reply):
        opened = reply.agent_reply.view_opened
        opened.view = os.urandom(4).hex()
        opened.cycle = request.cycle or self.replicas[request.protection]
        # Nothing listens there: whoever uses the view is no part of this contract.
        opened.socket = request.socket or "/tmp/nowhere.sock"
        for disk in self.protected_guest.disks:
            opened.disks.add().CopyFrom(disk)

    def _keep_view(self, request, reply):
        reply.agent_reply.done.SetInParent()

    def _close_view(self, request, reply):
        reply.agent_reply.done.SetInParent()

    def _scrub(self, request, reply):
        reply.agent_reply.scrub_progress.finished = True
        reply.agent_reply.scrub_progress.checked_bytes = 1 << 20
        reply.agent_reply.scrub_progress.total_bytes = 1 << 20

    def _doctor_check(self, request, reply):
        reply.agent_reply.doctor_report.items.add(name="python", passed=True, detail="A host made of messages.")
