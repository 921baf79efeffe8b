"""A replication worker of ours between a job board and a receiver that are made of messages. It reads a real NBD
source."""

import os
import subprocess
import time
import uuid

from bascule.v1 import common_pb2, policy_pb2
from bulk import BLOCK, REFUSE, Receiver, Seal, frame, opened_record
from fake_board import FakeBoard

SIZE = 8 << 20


class TransferChapter:
    def prove_transfers(self):
        disk = self.services.root / "source.raw"
        with disk.open("wb") as file:
            file.truncate(SIZE)
            for offset, length in [(1 << 20, 512 << 10), (5 << 20, BLOCK)]:
                file.seek(offset)
                file.write(os.urandom(length))
        socket = self.services.root / "source.sock"
        source = subprocess.Popen(
            ["nbdkit", "--foreground", "--readonly", "--unix", socket, "file", disk], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.board = FakeBoard(self.context, self.coverage)
        self.receiver = Receiver(self.context)
        self.board.start()
        self.receiver.start()
        self.services.settings["worker"]["policy"] = self.board.endpoint
        self.services.start("worker")
        try:
            self.wait_for(socket.exists, "nbdkit serves the source")
            self.uri = f"nbd+unix:///?socket={socket}"
            content = disk.read_bytes()
            self.prove_full_transfer(content)
            self.prove_hashes(content)
            self.prove_neighbours(content)
            self.holds(self.services.terminate("worker") == 0, "the worker ends by itself when it is asked to")
            self.holds(self.board.has_left, "and has left the job board")
        finally:
            source.kill()
            source.wait(timeout=10)
            for thread in [self.board, self.receiver]:
                thread.stopping.set()
                thread.join(timeout=10)
        for thread in [self.board, self.receiver]:
            if thread.fault is not None:
                raise thread.fault

    def prove_full_transfer(self, content):
        job = self.transfer_job(policy_pb2.CYCLE_KIND_FULL)
        self.board.offer(job)
        end, said = self.board.end_of(job)
        self.holds(end == "finished", "a worker of ours takes a job from a board made of messages, and finishes it"
                   if end == "finished" else f"the worker finishes its job: {said}")
        self.holds(
            self.receiver.hellos[job.attempt] == (job.transfer_token, uuid.UUID(job.job).bytes),
            "it shows the transfer token, and names its job")
        received = self.received(job)
        self.holds(received == content, "opened with the cycle's key, its records are what the source holds")
        records = self.receiver.records[job.attempt]
        self.holds(
            said.records == len(records) and said.sent_bytes == sum(map(len, records))
            and said.changed_bytes >= (512 << 10) + BLOCK, f"and it says how much that was: {said.records} records")
        self.holds(self.board.worker.name == "messages" and self.board.worker.id, "it says who it is")

    def prove_hashes(self, content):
        held = bytearray(content)
        held[5 << 20:(5 << 20) + 3] = b"old"
        self.receiver.held = bytes(held)
        job = self.transfer_job(policy_pb2.CYCLE_KIND_COMPARE)
        self.board.offer(job)
        end, said = self.board.end_of(job)
        self.holds(end == "finished" and self.receiver.hashes_asked > 0, "it compares by hashes when it is told to")
        sent = [opened_record(Seal(), job.cycle_key, job.attempt, one) for one in self.receiver.records[job.attempt]]
        self.holds(
            [(offset, length) for _, offset, length, _ in sent] == [(5 << 20, BLOCK)],
            "and sends the one block that differs" if len(sent) == 1 else f"and sends what differs: {sent}")

    def prove_neighbours(self, content):
        nowhere = self.transfer_job(policy_pb2.CYCLE_KIND_FULL, endpoint="tcp://127.0.0.1:1")
        self.board.offer(nowhere)
        end, said = self.board.end_of(nowhere)
        self.holds(
            end == "failed" and said.error.code == common_pb2.ERROR_CODE_UNAVAILABLE and said.error.message,
            f"a receiver that is not there fails the job, which is not kept ({said.error.message})")
        for nonsense in [[b"nonsense", b""], [b""], [os.urandom(40), os.urandom(100)], [b"a", b"b", b"c"]]:
            job = self.transfer_job(policy_pb2.CYCLE_KIND_FULL)
            self.receiver.instead_of_welcome = nonsense
            self.board.offer(job)
            end, said = self.board.end_of(job)
            self.holds(
                end == "failed" and said.error.message, f"nonsense from the receiver fails it: {said.error.message}")
        crowded = self.transfer_job(policy_pb2.CYCLE_KIND_FULL)
        self.receiver.instead_of_welcome = frame(REFUSE, crowded.attempt, body=common_pb2.Error(
            code=common_pb2.ERROR_CODE_RESOURCE_EXHAUSTED, message="Too many transfers are under way.",
            retryable=True).SerializeToString())
        self.board.offer(crowded)
        end, said = self.board.end_of(crowded)
        self.holds(
            end == "finished" and self.received(crowded) == content,
            "a receiver without room for another transfer is greeted again, and the job is finished")
        wrong = self.transfer_job(policy_pb2.CYCLE_KIND_FULL)
        wrong.nbd_uri = f"nbd+unix:///?socket={self.services.root}/nothing.sock"
        self.board.offer(wrong)
        end, said = self.board.end_of(wrong)
        self.holds(
            end == "failed" and said.error.message, f"and so does a source that is not there: {said.error.message}")
        # Two seconds of every answer: less than a lease, more than the time between two reports.
        self.board.late = {"report_job": 2, "finish_job": 2}
        slow = self.transfer_job(policy_pb2.CYCLE_KIND_FULL, bandwidth=150_000)
        self.board.offer(slow)
        end, said = self.board.end_of(slow)
        self.holds(
            end == "finished" and self.received(slow) == content,
            "under a slow board, and a small share of the bandwidth, a job is finished all the same")
        self.board.late = {}
        given_up = self.transfer_job(policy_pb2.CYCLE_KIND_FULL, bandwidth=65_536)
        self.board.abandon.add(given_up.job)
        self.board.offer(given_up)
        self.wait_for(
            lambda: given_up.attempt in self.receiver.abandoned, "told to abandon a job, it ends the transfer at once")
        last = self.transfer_job(policy_pb2.CYCLE_KIND_FULL)
        self.board.offer(last)
        self.holds(
            self.board.end_of(last)[0] == "finished" and self.received(last) == content,
            "after all of it the worker takes the next job, and does it")
        self.holds(
            (given_up.job, given_up.attempt) not in {**self.board.finished, **self.board.failed},
            "and says nothing more of the abandoned one")

    # What a policy service and a target would do.

    def transfer_job(self, kind, endpoint=None, bandwidth=0):
        self.attempts = getattr(self, "attempts", 0) + 1
        return policy_pb2.TransferJob(
            job=str(uuid.uuid4()), attempt=self.attempts, protection=str(uuid.uuid4()), generation=1, cycle=1,
            kind=kind, source_host_id="nowhere", disk_target="vda", nbd_uri=self.uri, offset=0, length=SIZE,
            changed_bytes=SIZE, bulk_endpoint=endpoint or self.receiver.endpoint, transfer_token=os.urandom(16),
            cycle_key=os.urandom(32), compression=common_pb2.COMPRESSION_NONE, bandwidth_bytes_per_second=bandwidth,
            lease_ms=10_000)

    def received(self, job):
        """The disk as the records of a job tell it."""
        disk = bytearray(SIZE)
        for _disk, offset, length, data in [
            opened_record(Seal(), job.cycle_key, job.attempt, one) for one in self.receiver.records[job.attempt]]:
            disk[offset:offset + length] = bytes(length) if data is None else data
        return bytes(disk)

    def wait_for(self, condition, sentence, seconds=30):
        ends = time.monotonic() + seconds
        while not condition():
            self.services.check()
            if time.monotonic() > ends:
                raise AssertionError(f"does not hold in time: {sentence}")
            time.sleep(0.05)
        self.holds(True, sentence)
