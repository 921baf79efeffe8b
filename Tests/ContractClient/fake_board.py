"""The job board of a policy service, as far as a replication worker sees it in messages."""

import queue
import threading
import time

import zmq
from bascule.v1 import common_pb2, envelope_pb2
from bascule_client import PROTOCOL_VERSION


class FakeBoard(threading.Thread):
    """Hands out what `offer` gives it, and keeps what workers say of it."""

    def __init__(self, context, coverage=None):
        super().__init__(name="job-board", daemon=True)
        self.socket = context.socket(zmq.ROUTER)
        self.endpoint = f"tcp://127.0.0.1:{self.socket.bind_to_random_port('tcp://127.0.0.1')}"
        self.coverage = coverage
        self.stopping = threading.Event()
        self.offered = queue.Queue()
        # By (job, attempt): the last report, and the end.
        self.reports, self.finished, self.failed = {}, {}, {}
        self.worker = None
        self.has_left = False
        self.abandon = set()
        # Requests of this kind are answered this many seconds late, one after another.
        self.late = {}
        # By operation: a request that comes again is answered again, and carried out once.
        self.answers = {}
        self.fault = None

    def offer(self, *jobs):
        for job in jobs:
            self.offered.put(job)

    def end_of(self, job, seconds=40):
        """("finished" or "failed", what was said) of an offered job."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            if self.fault is not None:
                raise self.fault
            for name, ended in [("finished", self.finished), ("failed", self.failed)]:
                if (job.job, job.attempt) in ended:
                    return name, ended[(job.job, job.attempt)]
            time.sleep(0.02)
        raise AssertionError(f"the worker said nothing of the end of job {job.job}")

    def run(self):
        waiting = []
        try:
            while not self.stopping.is_set():
                if self.socket.poll(50):
                    frames = self.socket.recv_multipart()
                    request = envelope_pb2.Envelope.FromString(frames[-1])
                    if self.coverage:
                        self.coverage.saw(request)
                    kind = request.policy_request.WhichOneof("request")
                    if request.operation_id in self.answers:
                        self.socket.send_multipart(frames[:-1] + [self.answers[request.operation_id]])
                    elif kind == "pull_jobs":
                        self.worker = request.policy_request.pull_jobs.worker
                        waiting = [one for one in waiting if one[1].operation_id != request.operation_id]
                        waiting.append((frames, request, time.monotonic()))
                    else:
                        time.sleep(self.late.get(kind, 0))
                        self._answer(frames, request, kind)
                waiting = [one for one in waiting if not self._serve(*one)]
        except Exception as fault:  # Told by whoever waits, because a thread's end is easily missed.
            self.fault = fault
        finally:
            self.socket.close(linger=0)

    def _serve(self, frames, request, since):
        pull = request.policy_request.pull_jobs
        jobs = []
        while len(jobs) < pull.free_slots and not self.offered.empty():
            jobs.append(self.offered.get_nowait())
        if not jobs and time.monotonic() - since < pull.wait_ms / 1000:
            return False
        reply = self._reply(request)
        reply.policy_reply.jobs.jobs.extend(jobs)
        reply.policy_reply.jobs.SetInParent()
        self._send(frames, reply)
        return True

    def _send(self, frames, reply):
        self.answers[reply.operation_id] = reply.SerializeToString()
        self.socket.send_multipart(frames[:-1] + [self.answers[reply.operation_id]])

    @staticmethod
    def _reply(request):
        return envelope_pb2.Envelope(
            protocol_version=PROTOCOL_VERSION, operation_id=request.operation_id, generation=request.generation,
            trace=request.trace, sender="policy/messages")

    def _answer(self, frames, request, kind):
        reply = self._reply(request)
        asked = request.policy_request
        if kind == "report_job":
            self.reports[(asked.report_job.job, asked.report_job.attempt)] = asked.report_job
            reply.policy_reply.directive.abandon = asked.report_job.job in self.abandon
        elif kind == "finish_job":
            self.finished[(asked.finish_job.job, asked.finish_job.attempt)] = asked.finish_job
            reply.policy_reply.done.SetInParent()
        elif kind == "fail_job":
            self.failed[(asked.fail_job.job, asked.fail_job.attempt)] = asked.fail_job
            reply.policy_reply.done.SetInParent()
        elif kind == "leave_board":
            self.has_left = True
            reply.policy_reply.done.SetInParent()
        elif request.WhichOneof("body") == "heartbeat":
            reply.heartbeat.SetInParent()
        else:
            reply.error.code = common_pb2.ERROR_CODE_UNIMPLEMENTED
            reply.error.message = f"This job board does not answer {kind}."
        self._send(frames, reply)
