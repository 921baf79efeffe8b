"""A replication worker made of messages alone. It moves nothing: what it says that it moved is all that policy hears."""

import time
import uuid

from bascule.v1 import common_pb2, policy_pb2


class WorkerChapter:
    def prove_workers(self):
        source, target = self.agents
        self.worker = policy_pb2.WorkerDescription(
            id=str(uuid.uuid4()), name="messages", control_endpoint="tcp://127.0.0.1:1")
        self.holds(not self.pull(1), "a pull without work is answered with none")
        source.changed = 1 << 20
        job = self.one_job()
        self.holds(
            job.attempt == 1 and job.protection == self.protection.id and job.changed_bytes == 1 << 20
            and len(job.cycle_key) == 32 and job.nbd_uri and job.bulk_endpoint,
            "a job names everything that a worker needs")
        ends = time.monotonic() + 30
        done = 0
        while "keep_capture" not in source.asked and time.monotonic() < ends:
            done = min(done + (64 << 10), job.length)
            directive = self.policy.policy(report_job=policy_pb2.ReportJob(
                worker_id=self.worker.id, job=job.job, attempt=job.attempt, read_bytes=1, sent_bytes=1,
                done_bytes=done))
            self.holds_quietly(not directive.abandon, "the job goes on while it is reported")
            time.sleep(0.5)
        self.holds("keep_capture" in source.asked, "the capture is kept alive while its job runs")
        [listed] = self.policy.policy(list_workers=policy_pb2.ListWorkers()).workers
        self.holds(
            listed.state == policy_pb2.WORKER_STATE_WORKING and [one.job for one in listed.running] == [job.job]
            and listed.running[0].guest == "web", "the worker is listed with its job")
        self.finish(job)
        self.status_when(lambda status: status.newest_cycle >= job.cycle)
        self.finish(job)
        self.holds(True, f"its end commits cycle {job.cycle}, and telling it twice is one end")
        self.prove_diverged(target)
        self.prove_failures(source, target)
        self.prove_comparison(source)
        self.prove_drain(source)
        self.prove_limit(source)
        self.settle(source)
        self.policy.policy(leave_board=policy_pb2.LeaveBoard(worker_id=self.worker.id))
        self.holds(
            not self.policy.policy(list_workers=policy_pb2.ListWorkers()).workers,
            "a worker that leaves is forgotten at once")

    def prove_diverged(self, target):
        target.diverged = [(128 << 20, 64 << 10)]
        job = self.one_job()
        while not job.diverged:
            self.finish(job)
            job = self.one_job()
        self.holds(
            [(part.offset, part.length) for part in job.diverged] == target.diverged
            and job.offset <= 128 << 20 < job.offset + job.length,
            "what a target needs besides what changed goes into the job that covers it")
        target.diverged = []
        self.finish(job)

    def prove_failures(self, source, target):
        job = self.one_job()
        self.fail(job, common_pb2.ERROR_CODE_UNAVAILABLE, given_back=True)
        again = self.one_job()
        self.holds(
            again.job == job.job and again.attempt == job.attempt + 1,
            "a job that is given back is offered again under another attempt")
        self.fail(again, common_pb2.ERROR_CODE_RESOURCE_EXHAUSTED, retryable=True)
        before, again = again, self.one_job()
        self.holds(
            again.job == job.job and again.attempt == before.attempt + 1,
            "and so is one whose target says that trying again may help")
        self.refused(
            common_pb2.ERROR_CODE_LEASE_LOST, "the attempt before counts no more", lambda: self.finish(job))
        self.fail(again, common_pb2.ERROR_CODE_RESOURCE_EXHAUSTED)
        status = self.status_when(lambda status: status.last_failure.HasField("error"))
        self.holds(status.last_failure.cycle == job.cycle, "a full target fails the cycle")
        ends = time.monotonic() + 30
        while "abort_cycle" not in target.asked and time.monotonic() < ends:
            time.sleep(0.1)
        self.holds("abort_cycle" in target.asked, "and it is aborted there")

    def prove_comparison(self, source):
        """A capture that lost its bitmap makes the next cycle compare."""
        source.refuse_next["open_capture"] = common_pb2.Error(
            code=common_pb2.ERROR_CODE_FAILED_PRECONDITION, message="The bitmap is lost.", facts={"needs": "compare"})
        job = self.one_job()
        while job.kind != policy_pb2.CYCLE_KIND_COMPARE:
            self.finish(job)
            job = self.one_job()
        self.follow_to(common_pb2.PROTECTION_STATE_RESYNCHRONIZING, "a guest whose bitmap is lost is compared")
        self.finish(job)
        self.work_until(
            lambda: self.state() == common_pb2.PROTECTION_STATE_PROTECTED, "and protected again after that")

    def prove_limit(self, source):
        """The policy service runs here with jobsPerHost: 1."""
        source.changed = 64 << 20
        job = self.one_job(slots=2)
        while job.changed_bytes != 32 << 20:
            self.finish(job)
            job = self.one_job(slots=2)
        self.holds(
            not self.pull(1_500, slots=2), "of a cycle's two jobs a host's limit lets one run, whatever slots are free")
        self.finish(job)
        second = self.one_job(slots=2)
        self.holds(second.cycle == job.cycle and second.job != job.job, "and the other after it")
        self.finish(second)

    def prove_drain(self, source):
        job = self.one_job()
        drained = self.policy.policy(drain_worker=policy_pb2.DrainWorker(name=self.worker.name))
        self.holds(
            [one.state for one in drained.workers] == [policy_pb2.WORKER_STATE_DRAINING],
            "a worker is drained while it runs a job")
        self.finish(job)
        self.status_when(lambda status: status.newest_cycle >= job.cycle)
        self.holds(not self.pull(2_500), "it finishes that, and is given no more")
        [drained] = self.policy.policy(list_workers=policy_pb2.ListWorkers()).workers
        self.holds(drained.state == policy_pb2.WORKER_STATE_DRAINED, "and is listed as drained")
        resumed = self.policy.policy(resume_worker=policy_pb2.ResumeWorker(name=self.worker.name))
        self.holds(
            [one.state for one in resumed.workers] == [policy_pb2.WORKER_STATE_WORKING], "resumed, it works again")
        self.refused(
            common_pb2.ERROR_CODE_NOT_FOUND, "a worker that nobody knows is not drained",
            lambda: self.policy.policy(drain_worker=policy_pb2.DrainWorker(name="nobody")))

    # What a worker does.

    def pull(self, wait_ms, slots=1):
        return self.policy.policy(deadline=wait_ms / 1000 + 10, pull_jobs=policy_pb2.PullJobs(
            worker=self.worker, free_slots=slots, wait_ms=wait_ms)).jobs

    def one_job(self, slots=1):
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            for job in self.pull(5_000, slots):
                return job
        raise AssertionError("no job came")

    def finish(self, job):
        self.policy.policy(finish_job=policy_pb2.FinishJob(
            worker_id=self.worker.id, job=job.job, attempt=job.attempt, digest=b"\3" * 32,
            changed_bytes=job.changed_bytes, sent_bytes=job.changed_bytes, records=1))

    def fail(self, job, code, given_back=False, retryable=False):
        self.policy.policy(fail_job=policy_pb2.FailJob(
            worker_id=self.worker.id, job=job.job, attempt=job.attempt, given_back=given_back,
            error=common_pb2.Error(code=code, message="The contract's worker says so.", retryable=retryable)))

    def work_until(self, condition, sentence):
        """Does all jobs there are until it holds."""
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            if condition():
                return self.holds(True, sentence)
            for job in self.pull(300):
                self.finish(job)
        raise AssertionError(f"does not hold in time: {sentence}")

    def settle(self, source):
        """Nothing changes any more, and what is under way is done."""
        source.changed = 0
        before = self.status_when(lambda status: True).newest_cycle
        # Of the cycles that begin now the second one was captured after nothing changed any more.
        self.work_until(
            lambda: self.status_when(lambda status: True).newest_cycle >= before + 2, "then nothing is left to move")
