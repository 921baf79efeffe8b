"""Speaks to Bascule with pyzmq and the generated messages, and nothing of Bascule's own."""

import os
import time

import zmq
from bascule.v1 import envelope_pb2

PROTOCOL_VERSION = 1


class Refused(Exception):
    """The service answered an Error."""

    def __init__(self, error):
        super().__init__(f"{error.message} {error.remedy}".strip())
        self.error = error
        self.code = error.code


class Silent(Exception):
    """No answer came in time: what was asked may or may not have happened."""


class Requests:
    """A DEALER to one service. One request at a time."""

    def __init__(self, context, endpoint, sender="contract/python", coverage=None):
        self.context = context
        self.endpoint = endpoint
        self.sender = sender
        self.coverage = coverage
        self.socket = None

    def ask(self, body, generation=0, operation=None, deadline=10.0, retry=1.0):
        """Fills the body of an envelope with `body(envelope)` and returns the answering envelope.

        A request without an answer is repeated under the same operation identifier, as Protocol.md asks.
        """
        operation = operation or os.urandom(16)
        ends = time.monotonic() + deadline
        while (left := ends - time.monotonic()) > 0:
            envelope = envelope_pb2.Envelope(
                protocol_version=PROTOCOL_VERSION, operation_id=operation, time_left_ms=max(1, int(left * 1000)),
                generation=generation, sender=self.sender)
            body(envelope)
            answer = self._exchange(envelope, min(left, retry))
            if answer is not None:
                if self.coverage:
                    self.coverage.saw(answer)
                if answer.WhichOneof("body") == "error":
                    raise Refused(answer.error)
                if self.coverage:
                    self.coverage.saw(envelope)
                return answer
            self.close()
        raise Silent(f"{self.endpoint} did not answer within {deadline} s")

    def vault(self, generation=0, operation=None, deadline=10.0, **request):
        """`vault(protect=vault_pb2.Protect(guest="web"))` returns the field of VaultReply that was set."""
        return self._typed("vault", generation, operation, deadline, request)

    def policy(self, generation=0, operation=None, deadline=10.0, **request):
        return self._typed("policy", generation, operation, deadline, request)

    def orchestrator(self, generation=0, operation=None, deadline=10.0, **request):
        return self._typed("orchestrator", generation, operation, deadline, request)

    def agent(self, generation=0, operation=None, deadline=10.0, **request):
        return self._typed("agent", generation, operation, deadline, request)

    def health(self, deadline=10.0):
        return self.ask(lambda envelope: envelope.health_request.SetInParent(), deadline=deadline).health_reply

    def close(self):
        if self.socket is not None:
            self.socket.close(linger=0)
            self.socket = None

    def _typed(self, service, generation, operation, deadline, request):
        [(name, message)] = request.items()
        if self.coverage and service == "agent":
            self.coverage.asked_of_agent.add(name)

        def fill(envelope):
            getattr(getattr(envelope, f"{service}_request"), name).CopyFrom(message)
            getattr(getattr(envelope, f"{service}_request"), name).SetInParent()

        reply = getattr(self.ask(fill, generation, operation, deadline), f"{service}_reply")
        kind = reply.WhichOneof("reply")
        if self.coverage:
            self.coverage.answered[service].add(name)
            self.coverage.replies[service].add(kind)
        return getattr(reply, kind)

    def _exchange(self, envelope, patience):
        if self.socket is None:
            self.socket = self.context.socket(zmq.DEALER)
            self.socket.connect(self.endpoint)
        self.socket.send(envelope.SerializeToString())
        ends = time.monotonic() + patience
        while (left := ends - time.monotonic()) > 0:
            if not self.socket.poll(int(left * 1000) + 1):
                return None
            answer = envelope_pb2.Envelope.FromString(self.socket.recv_multipart()[-1])
            # A late answer to an earlier request, or a heartbeat, is not what was asked for.
            if answer.operation_id == envelope.operation_id:
                return answer
        return None


class Registry:
    """A copy of the vault's registry: a snapshot, then events, and a snapshot again when a number is missing."""

    def __init__(self, context, requests, endpoint, options=()):
        self.requests = requests
        self.socket = context.socket(zmq.SUB)
        for option, value in options:
            self.socket.setsockopt(option, value)
        self.socket.setsockopt(zmq.SUBSCRIBE, b"")
        self.socket.connect(endpoint)
        self.epoch = b""
        self.number = 0
        self.protections = {}
        self.snapshots = 0
        self.applied = 0
        # Kinds of changes that were published, whether or not this copy needed them.
        self.seen = set()

    def take_snapshot(self):
        from bascule.v1 import vault_pb2

        snapshot = self.requests.vault(get_snapshot=vault_pb2.GetSnapshot())
        self.epoch, self.number = snapshot.epoch, snapshot.event_number
        self.protections = {protection.id: protection for protection in snapshot.protections}
        self.snapshots += 1
        return snapshot

    def follow(self, until, deadline=30.0):
        """Applies events until `until(self)` holds; fails loudly when it does not in time."""
        ends = time.monotonic() + deadline
        while not until(self):
            left = ends - time.monotonic()
            if left <= 0:
                raise Silent("the events that were waited for did not come")
            if not self.socket.poll(int(left * 1000) + 1):
                continue
            envelope = envelope_pb2.Envelope.FromString(self.socket.recv_multipart()[-1])
            if envelope.WhichOneof("body") == "vault_event":
                self._take(envelope.vault_event)

    def take_in(self, seconds):
        """Applies what comes within this time."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            if self.socket.poll(int(left * 1000) + 1):
                envelope = envelope_pb2.Envelope.FromString(self.socket.recv_multipart()[-1])
                if envelope.WhichOneof("body") == "vault_event":
                    self._take(envelope.vault_event)

    def close(self):
        self.socket.close(linger=0)

    def _take(self, event):
        change = event.WhichOneof("change")
        if change:
            self.seen.add(change)
        if self.requests.coverage:
            self.requests.coverage.saw(envelope_pb2.Envelope(vault_event=event))
        if event.epoch != self.epoch or event.number > self.number + (1 if change else 0):
            self.take_snapshot()
        elif event.number > self.number:
            self.number = event.number
            self.applied += 1
            if change == "protection":
                self.protections[event.protection.id] = event.protection
            elif change == "protection_removed":
                self.protections.pop(event.protection_removed, None)
