"""A host agent of ours with a guest and a replica of its own, asked for everything by messages alone.

The guest is a machine without an operating system, of an embedded driver of libvirt: it runs, has checkpoints, and is
replicated and started like any other. What moves its disk's content is a worker of ours, and then a record that is made
here. The replica is that of another guest, so that one host can be both sides."""

import os
import subprocess
import time
import uuid

from bascule.v1 import agent_pb2 as agent, common_pb2, policy_pb2, vault_pb2
from bascule_client import Refused
from bulk import BLOCK, Seal, digest, sealed_record, send
from fake_board import FakeBoard

SIZE = 4 << 20
GUEST, REPLICA = str(uuid.uuid4()), str(uuid.uuid4())
NAME, REPLICA_NAME = "contract-guest", "contract-replica"
TEST = agent.REPLICA_PURPOSE_TEST
FAILOVER = agent.REPLICA_PURPOSE_FAILOVER


class HostChapter:
    def prove_host(self):
        self.image = self.services.add_guest(NAME, GUEST, SIZE)
        self.content = self.image_content()
        self.services.start("host")
        self.holds(self.host.health(deadline=30).service == "agent", "a host agent with a guest says how it is")
        self.registry.follow(
            lambda registry: any(one.uuid == GUEST for one in registry.take_snapshot().guests), deadline=30)
        self.board = FakeBoard(self.context, self.coverage)
        self.board.start()
        self.services.settings["worker"]["policy"] = self.board.endpoint
        self.services.start("worker")
        self.source, self.target = str(uuid.uuid4()), str(uuid.uuid4())
        try:
            self.prove_first_cycle()
            self.prove_points()
            self.prove_second_cycle()
            self.prove_view()
            self.prove_scrub()
            self.prove_test_copy()
            self.prove_failover_copy()
            self.prove_way_back()
        finally:
            self.board.stopping.set()
            self.board.join(timeout=10)
        if self.board.fault is not None:
            raise self.board.fault
        for name in ["worker", "host"]:
            self.holds(self.services.terminate(name) == 0, f"the {name} ends by itself when it is asked to")
        self.forget_host("real")

    # Its parts, in this order.

    def prove_first_cycle(self):
        """Policy's part in the first cycle of a guest, and a real worker's."""
        self.ask(start_guest=agent.StartGuest(protection=self.source, guest_uuid=GUEST))
        side = self.ask(describe_side=agent.DescribeSide(protection=self.source, guest_uuid=GUEST))
        self.holds(side.power == common_pb2.POWER_STATE_RUNNING, "a guest is started on its own disks")
        opened = self.open_capture(1, policy_pb2.CYCLE_KIND_FULL)
        [captured] = opened.disks
        self.holds(
            opened.cycle == 1 and not opened.offline and captured.disk.target == "vda"
            and captured.disk.size_bytes == SIZE and sum(captured.changed) > 0 and NAME in opened.definition,
            "its agent opens a capture while it runs")
        self.ask(keep_capture=agent.KeepCapture(protection=self.source, cycle=1, keep_ms=60_000))
        door = self.open_cycle(1, 0, policy_pb2.CYCLE_KIND_FULL, opened)
        self.holds(
            door.bulk_endpoint and len(door.transfer_token) == 16 and len(door.cycle_key) == 32
            and door.log_free_bytes > 0, "and a cycle of its replica, with a door for workers")
        job = policy_pb2.TransferJob(
            job=str(uuid.uuid4()), attempt=1, protection=self.target, generation=1, cycle=1,
            kind=policy_pb2.CYCLE_KIND_FULL, source_host_id="real", disk_target="vda", nbd_uri=captured.nbd_uri,
            bitmap_context=captured.bitmap_context, length=SIZE, changed_bytes=sum(captured.changed),
            bulk_endpoint=door.bulk_endpoint, transfer_token=door.transfer_token, cycle_key=door.cycle_key,
            compression=common_pb2.COMPRESSION_ZSTD, lease_ms=10_000)
        self.board.offer(job)
        end, said = self.board.end_of(job)
        self.holds(end == "finished", "a worker of ours moves its content, for a job board made of messages"
                   if end == "finished" else f"a worker moves its content: {said}")
        committed = self.ask(commit_cycle=agent.CommitCycle(
            protection=self.target, cycle=1, retention=policy_pb2.Retention(every_cycle_seconds=3_600),
            jobs=[agent.StoredJob(job=job.job, attempt=1, digest=said.digest)]))
        self.holds(
            committed.point.cycle == 1 and committed.stored_bytes > 0 and len(committed.point.identifier) == 16,
            "the point is committed")
        self.ask(close_capture=agent.CloseCapture(protection=self.source, cycle=1, committed=True))
        self.opened = opened
        second = self.open_capture(2, policy_pb2.CYCLE_KIND_INCREMENTAL, parent=1)
        self.holds(
            second.disks[0].bitmap_context and not sum(second.disks[0].changed),
            "the next capture knows from its checkpoint that nothing changed")
        self.ask(close_capture=agent.CloseCapture(
            protection=self.source, cycle=2, committed=False, keep_checkpoint_of_cycle=1))

    def prove_points(self):
        replica = self.ask(describe_replica=agent.DescribeReplica(protection=self.target))
        self.holds(
            replica.newest_cycle == 1 and replica.guest_uuid == REPLICA and replica.disks[0].size_bytes == SIZE,
            "the replica is described")
        listed = self.ask(list_points=agent.ListPoints(protection=self.target)).points
        self.holds([one.cycle for one in listed] == [1], "and its point listed")

    def prove_second_cycle(self):
        """An incremental cycle whose one record is made here; before it one without any, which is aborted."""
        self.open_cycle(2, 1, policy_pb2.CYCLE_KIND_INCREMENTAL, self.opened)
        self.ask(abort_cycle=agent.AbortCycle(protection=self.target, cycle=2))
        door = self.open_cycle(3, 1, policy_pb2.CYCLE_KIND_INCREMENTAL, self.opened)
        written, at, job = os.urandom(BLOCK), 2 << 20, uuid.uuid4()
        record = sealed_record(Seal(), door.cycle_key, 1, 0, at, written)
        stored = send(self.context, door.bulk_endpoint, door.transfer_token, job, 1, [record])
        self.holds(stored == digest([record]), "a record sealed by the page of its format is stored as it came")
        self.ask(commit_cycle=agent.CommitCycle(
            protection=self.target, cycle=3, retention=policy_pb2.Retention(every_cycle_seconds=3_600),
            jobs=[agent.StoredJob(job=str(job), attempt=1, digest=stored)]))
        self.content = self.content[:at] + written + self.content[at + BLOCK:]
        door = self.open_cycle(4, 3, policy_pb2.CYCLE_KIND_INCREMENTAL, self.opened)
        empty = self.ask(commit_cycle=agent.CommitCycle(
            protection=self.target, cycle=4, retention=policy_pb2.Retention(every_cycle_seconds=3_600)))
        again = self.ask(commit_cycle=agent.CommitCycle(
            protection=self.target, cycle=4, retention=policy_pb2.Retention(every_cycle_seconds=3_600)))
        self.holds(
            again.point.identifier == empty.point.identifier,
            "a cycle in which nothing changed is one, however often committed")
        listed = self.ask(list_points=agent.ListPoints(protection=self.target)).points
        self.holds([one.cycle for one in listed] == [1, 3, 4], "an aborted cycle is no point")

    def prove_view(self):
        view = self.ask(open_view=agent.OpenView(protection=self.target, keep_ms=30_000))
        self.holds(view.cycle == 4 and view.disks[0].target == "vda", "the newest point is served as a disk")
        self.ask(keep_view=agent.KeepView(view=view.view))
        self.holds(
            self.read_disk(view.socket) == self.content,
            "which holds what the worker and the record brought, and nothing else")
        self.ask(close_view=agent.CloseView(view=view.view))
        self.holds(
            self.asked("keep_view", agent.KeepView(view=view.view)) == "NOT_FOUND", "closed, it is not kept any more")

    def prove_scrub(self):
        progress = self.until_finished(lambda: self.ask(scrub=agent.Scrub(protection=self.target)))
        self.holds(
            not progress.fault_count and progress.total_bytes > 0,
            f"all {progress.total_bytes} bytes of the replica are verified")

    def prove_test_copy(self):
        started = self.ask(start_replica=agent.StartReplica(protection=self.target, cycle=3, purpose=TEST))
        self.holds(
            started.cycle == 3 and started.guest_uuid not in (GUEST, REPLICA)
            and started.guest_name.startswith(REPLICA_NAME), f"a test copy of a point runs: {started.guest_name}")
        side = self.describe_side()
        self.holds(side.test.guest_uuid == started.guest_uuid and not side.failover.guest_uuid, "its side says so")
        self.ask(stop_replica=agent.StopReplica(
            protection=self.target, purpose=TEST, verdict=common_pb2.TEST_VERDICT_VERIFIED))
        points = {one.cycle: one for one in self.ask(list_points=agent.ListPoints(protection=self.target)).points}
        self.holds(
            points[3].verified and points[3].verified_by == agent.VERIFIED_BY_OPERATOR and not points[4].verified,
            "ended with a verdict, its point is verified")

    def prove_failover_copy(self):
        self.ask(generation=2, set_side=agent.SetSide(protection=self.target, guest_uuid=REPLICA, active=True))
        for ends in ["stopped", "committed"]:
            started = self.ask(generation=2, start_replica=agent.StartReplica(
                protection=self.target, cycle=4, purpose=FAILOVER))
            self.holds(
                started.guest_uuid == REPLICA and started.guest_name == REPLICA_NAME and started.running_unix_ms > 0,
                f"a replica runs for good, to be {ends}")
            side = self.describe_side()
            self.holds(
                side.active and side.generation == 2 and side.failover.cycle == 4
                and side.power == common_pb2.POWER_STATE_RUNNING, "at the active side of a newer generation")
            if ends == "stopped":
                self.ask(generation=2, stop_replica=agent.StopReplica(protection=self.target, purpose=FAILOVER))
        self.until_finished(lambda: self.ask(generation=2, commit_replica=agent.CommitReplica(protection=self.target)))
        self.holds(True, "its point is committed")
        self.holds(
            self.asked("stop_guest", agent.StopGuest(
                protection=self.target, guest_uuid=REPLICA, shutdown_limit_ms=500,
                when_shutdown_fails=policy_pb2.WHEN_SHUTDOWN_FAILS_STOP), generation=2) == "DEADLINE_EXCEEDED",
            "a guest that may not be ended, and does not shut down in time, runs on")
        self.holds(
            self.asked("set_side", agent.SetSide(protection=self.target, guest_uuid=REPLICA, active=False))
            == "STALE_GENERATION", "whoever comes with an older generation is refused")
        stopped = self.ask(generation=2, stop_guest=agent.StopGuest(
            protection=self.target, guest_uuid=REPLICA, shutdown_limit_ms=1_000,
            when_shutdown_fails=policy_pb2.WHEN_SHUTDOWN_FAILS_DESTROY))
        self.holds(stopped.was_running and stopped.forced, "and it is ended, because it does not shut down")

    def prove_way_back(self):
        """The old source: its guest is off, its side passive, and its disks become the base of a replica."""
        self.ask(release_source=agent.ReleaseSource(protection=self.source, guest_uuid=GUEST))
        self.ask(stop_guest=agent.StopGuest(
            protection=self.source, guest_uuid=GUEST, shutdown_limit_ms=1_000,
            when_shutdown_fails=policy_pb2.WHEN_SHUTDOWN_FAILS_DESTROY))
        for action in [common_pb2.FENCE_ACTION_DISCONNECT, common_pb2.FENCE_ACTION_SHUT_DOWN]:
            self.ask(generation=2, set_side=agent.SetSide(
                protection=self.source, guest_uuid=GUEST, active=False, fence_action=action))
        side = self.ask(describe_side=agent.DescribeSide(protection=self.source, guest_uuid=GUEST))
        self.holds(
            not side.active and side.power == common_pb2.POWER_STATE_SHUT_OFF,
            "the other side is passive, its guest off")
        self.ask(generation=2, adopt_disks=agent.AdoptDisks(
            protection=self.source, guest_uuid=GUEST, cycle=4, diverged=True))
        replica = self.ask(describe_replica=agent.DescribeReplica(protection=self.source))
        self.holds(replica.adopted, "its own disks become the base of a replica")
        self.until_finished(
            lambda: self.ask(generation=2, prepare_replica=agent.PrepareReplica(protection=self.source)))
        self.holds(True, "which is prepared for a start on them")
        self.ask(generation=2, delete_replica=agent.DeleteReplica(protection=self.source))
        self.holds(
            self.asked("describe_replica", agent.DescribeReplica(protection=self.source)) == "NOT_FOUND",
            "a replica that was deleted is gone")
        self.holds(self.image_content() is not None, "and the disks are still there")

    # Asking.

    def ask(self, generation=1, **request):
        return self.host.agent(generation=generation, deadline=30, **request)

    def describe_side(self):
        return self.ask(generation=2, describe_side=agent.DescribeSide(protection=self.target, guest_uuid=REPLICA))

    def until_finished(self, ask, seconds=30):
        """Repeats what goes on in the background until it is finished."""
        ends = time.monotonic() + seconds
        while not (progress := ask()).finished:
            self.holds_quietly(time.monotonic() < ends, f"it is finished in time: {progress}")
            time.sleep(0.1)
        return progress

    def open_capture(self, cycle, kind, parent=0):
        return self.ask(open_capture=agent.OpenCapture(
            protection=self.source, guest_uuid=GUEST, cycle=cycle, kind=kind, parent_cycle=parent,
            consistency=common_pb2.CONSISTENCY_CRASH, freeze_limit_ms=5_000, keep_ms=60_000, regions_per_disk=16))

    def asked(self, name, message, generation=1):
        """The reply's message, or the code that it is refused with."""
        try:
            return type(self.ask(generation, **{name: message})).DESCRIPTOR.name
        except Refused as refusal:
            return common_pb2.ErrorCode.Name(refusal.code).removeprefix("ERROR_CODE_")

    def open_cycle(self, cycle, parent, kind, capture):
        return self.ask(open_cycle=agent.OpenCycle(
            protection=self.target, guest_uuid=REPLICA, guest_name=REPLICA_NAME, cycle=cycle, parent_cycle=parent,
            kind=kind, captured_unix_ms=capture.captured_unix_ms, consistency=capture.consistency,
            disks=[one.disk for one in capture.disks], nvram=capture.nvram,
            definition=capture.definition.replace(GUEST, REPLICA).replace(f"<name>{NAME}<", f"<name>{REPLICA_NAME}<"),
            expected_bytes=1 << 20))

    def image_content(self):
        raw = self.services.root / "image.raw"
        subprocess.run(["qemu-img", "convert", "-O", "raw", self.image, raw], check=True, timeout=30)
        return raw.read_bytes()

    def read_disk(self, socket):
        raw = self.services.root / "view.raw"
        subprocess.run(
            ["qemu-img", "convert", "-f", "raw", "-O", "raw", f"nbd+unix:///vda?socket={socket}", raw],
            check=True, timeout=30)
        return raw.read_bytes()

    def forget_host(self, name):
        """Its host, cloud and site leave the vault."""
        [host] = [one for one in self.registry.take_snapshot().hosts if one.name == name]
        self.vault.vault(remove_host=vault_pb2.RemoveHost(id=host.id))
        self.vault.vault(delete_cloud=vault_pb2.DeleteCloud(name=f"{name}-cloud"))
        self.vault.vault(delete_site=vault_pb2.DeleteSite(name=name))
