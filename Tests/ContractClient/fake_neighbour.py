"""Somebody else at the endpoint of a service: it takes every request, and says what it is told to say."""

import collections
import socket
import threading
import time

import zmq
from bascule.v1 import envelope_pb2
from bascule_client import PROTOCOL_VERSION

# Bytes that are no envelope.
NOISE = b"\xff" * 60


def until_free(endpoint, seconds=10):
    """libzmq lets go of an address a moment after its socket was closed."""
    address, port = endpoint.removeprefix("tcp://").split(":")
    ends = time.monotonic() + seconds
    while True:
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                return one.bind((address, int(port)))
            except OSError:
                if time.monotonic() > ends:
                    raise
        time.sleep(0.02)


def bound(context, endpoint):
    until_free(endpoint)
    router = context.socket(zmq.ROUTER)
    router.bind(endpoint)
    return router


def say(router, frames, reply, what):
    """`what` is nothing at all (None), bytes that are sent as they are, or a function that fills the reply."""
    if what is not None:
        if callable(what):
            what(reply)
            what = reply.SerializeToString()
        router.send_multipart(frames[:-1] + [what])


class FakeNeighbour(threading.Thread):
    def __init__(self, context, endpoint, says=None):
        super().__init__(name="neighbour", daemon=True)
        self.socket = bound(context, endpoint)
        self.endpoint = endpoint
        self.says = says
        # Identifiers of what was asked, by the service that did; what is repeated counts once.
        self.asked = collections.defaultdict(set)
        self.stopping = threading.Event()
        self.fault = None

    def run(self):
        try:
            while not self.stopping.is_set():
                if self.socket.poll(50):
                    frames = self.socket.recv_multipart()
                    request = envelope_pb2.Envelope.FromString(frames[-1])
                    say(self.socket, frames, envelope_pb2.Envelope(
                        protocol_version=PROTOCOL_VERSION, operation_id=request.operation_id,
                        generation=request.generation, sender="neighbour"), self.says)
                    if request.WhichOneof("body") != "heartbeat":
                        self.asked[request.sender.split("/")[0]].add(request.operation_id)
        except Exception as fault:  # Told by whoever waits, because a thread's end is easily missed.
            self.fault = fault
        finally:
            self.socket.close(linger=0)

    def end(self):
        """Returns when its address is free for another one."""
        self.stopping.set()
        self.join(timeout=10)
        if self.fault is not None:
            raise self.fault
        until_free(self.endpoint)
