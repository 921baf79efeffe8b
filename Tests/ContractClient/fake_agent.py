"""A host without a hypervisor: registers, reports its inventory, and does what policy tells an agent to do.

Its guests have changed only when a test says so, so most cycles commit without a transfer job.
"""

import hashlib
import os
import threading
import time
import uuid

import zmq
from bascule.v1 import agent_pb2, common_pb2, envelope_pb2, vault_pb2
from bascule_client import PROTOCOL_VERSION, Refused, Requests, Silent
from fake_neighbour import bound, say
from fake_replica import FakeReplica

GIB = 1 << 30
REPORT_SECONDS = 1.0


def guest(name, disk_format="qcow2", findings=()):
    return vault_pb2.Guest(
        uuid=str(uuid.uuid5(uuid.NAMESPACE_DNS, name)), name=name, power=common_pb2.POWER_STATE_RUNNING,
        memory_bytes=GIB, virtual_cpus=1, findings=findings,
        disks=[common_pb2.Disk(target="vda", size_bytes=4 * GIB, format=disk_format, source=f"/srv/{name}.{disk_format}")],
        definition_digest=hashlib.sha256(name.encode()).digest())


class FakeAgent(FakeReplica, threading.Thread):
    def __init__(self, context, name, vault_endpoint, guests=(), coverage=None, endpoint=None):
        super().__init__(name=f"agent-{name}", daemon=True)
        self.context = context
        self.host_name = name
        self.id = str(uuid.uuid4())
        self.guests = list(guests)
        self.requests = Requests(context, vault_endpoint, sender=f"agent/{name}", coverage=coverage)
        if endpoint is None:
            self.socket = context.socket(zmq.ROUTER)
            port = self.socket.bind_to_random_port("tcp://127.0.0.1")
            self.endpoint = f"tcp://127.0.0.1:{port}"
        else:
            self.socket, self.endpoint = bound(context, endpoint), endpoint
        self.stopping = threading.Event()
        self.sequence = 0
        self.coverage = coverage
        self.asked = []
        self.replicas = {}
        self.adopted = set()
        self.sides = {}
        self.started = {}
        self.tested = {}
        self.verified = {}
        # The guest that tests are about, as every host that may run it describes it.
        self.protected_guest = guest("web")
        # Bytes that changed in the first region of each disk, at every capture.
        self.changed = 0
        # Ranges (offset, length) of the first disk that this side may hold otherwise than the parent point.
        self.diverged = []
        # Requests that are refused once, or are not answered once.
        self.refuse_next = {}
        self.ignore_next = set()
        # What is said in place of the answer to a request, as `say` takes it; seconds by which an answer is late; and
        # whether it is not to be reached at all.
        self.instead, self.late, self.away = {}, {}, False
        self.duties = {}
        # What it tells the vault that it holds by itself, by protection.
        self.own_sides = {}
        self.fault = None

    def register(self):
        return self.requests.vault(register_host=vault_pb2.RegisterHost(
            host=vault_pb2.Host(
                id=self.id, name=self.host_name, cloud=f"{self.host_name}-cloud", control_endpoint=self.endpoint,
                agent_version="python", hypervisor_uri="test:///default", capacity=self._capacity()),
            site=self.host_name, create_missing=True))

    def report(self):
        self.sequence += 1
        told = self.requests.vault(report_inventory=vault_pb2.ReportInventory(
            host_id=self.id, sequence=self.sequence, capacity=self._capacity(), guests=self.guests,
            sides=list(self.own_sides.values())))
        self.duties = {duty.protection: duty for duty in told.duties}

    def find(self, uuid):
        return next((known for known in self.guests if known.uuid == uuid), None)

    def set_power(self, name, power):
        for known in self.guests:
            if known.name == name:
                known.power = power

    def duty_when(self, protection, condition):
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            duty = self.duties.get(protection)
            if duty is not None and condition(duty):
                return duty
            time.sleep(0.1)
        raise AssertionError(f"{self.host_name} was not told the duty that was waited for; the last was:\n{self.duties}")

    def run(self):
        due = time.monotonic()
        try:
            while not self.stopping.is_set():
                if self.away:
                    self._stay_away()
                if self.socket.poll(100):
                    self._answer(self.socket.recv_multipart())
                if time.monotonic() >= due:
                    due = time.monotonic() + REPORT_SECONDS
                    self._report_or_register()
        except Exception as fault:  # Told by whoever waits for this agent, because a thread's end is easily missed.
            self.fault = fault
        finally:
            self.socket.close(linger=0)
            self.requests.close()

    def _stay_away(self):
        self.socket.close(linger=0)
        while self.away and not self.stopping.is_set():
            time.sleep(0.05)
        self.socket = bound(self.context, self.endpoint)

    def _report_or_register(self):
        try:
            self.report()
        except Refused as refusal:
            if refusal.code != common_pb2.ERROR_CODE_NOT_FOUND:
                raise
            self.register()
        except Silent:
            return  # The vault is being killed and started; the next report tells it all.

    def _capacity(self):
        return vault_pb2.HostCapacity(
            memory_bytes=64 * GIB, memory_free_bytes=32 * GIB, replica_bytes=1000 * GIB,
            replica_free_bytes=900 * GIB)

    def _answer(self, frames):
        request = envelope_pb2.Envelope.FromString(frames[-1])
        reply = envelope_pb2.Envelope(
            protocol_version=PROTOCOL_VERSION, operation_id=request.operation_id, generation=request.generation,
            trace=request.trace, sender=f"agent/{self.host_name}")
        kind = request.WhichOneof("body")
        if self.coverage:
            self.coverage.saw(request)
        if kind == "agent_request":
            name = request.agent_request.WhichOneof("request")
            self.asked.append(name)
            answer = getattr(self, f"_{name}", None)
            if name in self.ignore_next:
                self.ignore_next.discard(name)
                return
            if name in self.instead:
                return say(self.socket, frames, reply, self.instead[name])
            time.sleep(self.late.get(name, 0))
            if name in self.refuse_next:
                reply.error.CopyFrom(self.refuse_next.pop(name))
            elif answer is None:
                reply.error.code = common_pb2.ERROR_CODE_UNIMPLEMENTED
                reply.error.message = f"A fake agent does not do {name}."
            else:
                answer(getattr(request.agent_request, name), reply)
                if self.coverage:
                    self.coverage.served_with(name, reply)
        elif kind == "health_request":
            reply.health_reply.service = "agent"
            reply.health_reply.level = common_pb2.HEALTH_LEVEL_NORMAL
        else:
            reply.heartbeat.SetInParent()
        self.socket.send_multipart(frames[:-1] + [reply.SerializeToString()])

    # What an agent does in the source role.

    def _open_capture(self, request, reply):
        known = self.find(request.guest_uuid)
        opened = reply.agent_reply.capture_opened
        opened.cycle = request.cycle
        opened.captured_unix_ms = int(time.time() * 1000)
        opened.consistency = common_pb2.CONSISTENCY_CRASH
        opened.offline = known.power == common_pb2.POWER_STATE_SHUT_OFF
        opened.definition = f"<domain><name>{known.name}</name></domain>"
        for disk in known.disks:
            captured = opened.disks.add(
                nbd_uri="nbd+unix:///vda?socket=/nowhere", region_bytes=64 << 20,
                changed=[self.changed] + [0] * (disk.size_bytes // (64 << 20) - 1))
            captured.disk.CopyFrom(disk)

    def _keep_capture(self, request, reply):
        reply.agent_reply.done.SetInParent()

    def _close_capture(self, request, reply):
        reply.agent_reply.done.SetInParent()

    def _release_source(self, request, reply):
        reply.agent_reply.done.SetInParent()

    # What it does in the target role.

    def _open_cycle(self, request, reply):
        opened = reply.agent_reply.cycle_opened
        opened.bulk_endpoint = "tcp://127.0.0.1:1"
        opened.transfer_token = os.urandom(16)
        opened.cycle_key = os.urandom(32)
        opened.log_free_bytes = 900 * GIB
        for offset, length in self.diverged:
            opened.diverged.add(disk_index=0, offset=offset, length=length)

    def _commit_cycle(self, request, reply):
        self.replicas[request.protection] = request.cycle
        point = reply.agent_reply.cycle_committed.point
        point.cycle = request.cycle
        point.captured_unix_ms = int(time.time() * 1000)
        point.consistency = common_pb2.CONSISTENCY_CRASH
        point.identifier = os.urandom(16)

    def _abort_cycle(self, request, reply):
        reply.agent_reply.done.SetInParent()
