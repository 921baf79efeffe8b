"""Every kind of run, with the real orchestrator, vault and policy service between two hosts made of messages."""

import time
import uuid

from bascule.v1 import common_pb2, orchestrator_pb2 as runs, vault_pb2


class RunChapter:
    def prove_runs(self):
        primary, secondary = self.agents
        dry = self.start(runs.RUN_KIND_PLANNED, dry_run=True)
        listed = self.orchestrator.orchestrator(list_runs=runs.ListRuns())
        self.holds(len(dry.steps) > 5 and not listed.runs, "a dry run answers its steps, and is none")
        self.prove_test(secondary)
        self.prove_verdict(secondary)
        self.prove_there_and_back(primary, secondary)
        self.prove_unplanned(primary, secondary)
        self.prove_recovered(primary, secondary)
        self.prove_standing_still(secondary)
        self.prove_commit_and_reverse(primary, secondary)
        listed = self.orchestrator.orchestrator(list_runs=runs.ListRuns(protection=self.protection.id, limit=100))
        self.holds(
            {one.kind for one in listed.runs} == set(runs.RunKind.values()) - {runs.RUN_KIND_UNSPECIFIED},
            "runs of every kind are listed")

    def prove_test(self, secondary):
        operation = uuid.uuid4().bytes
        test = self.start(runs.RUN_KIND_TEST, point=runs.POINT_CHOICE_LATEST, operation=operation)
        self.holds(
            self.start(runs.RUN_KIND_TEST, point=runs.POINT_CHOICE_LATEST, operation=operation).id == test.id,
            "the same command again is the same run")
        self.succeeds(test, "a test copy is started")
        consistent = runs.POINT_CHOICE_LATEST_APPLICATION_CONSISTENT
        dry = self.start(runs.RUN_KIND_UNPLANNED, point=consistent, dry_run=True)
        self.holds(len(dry.steps) > 3, "an application-consistent point may be asked for")
        self.refused(
            common_pb2.ERROR_CODE_ALREADY_EXISTS, "a second test is refused",
            lambda: self.start(runs.RUN_KIND_TEST, point=runs.POINT_CHOICE_LATEST))
        self.succeeds(self.start(runs.RUN_KIND_CLEANUP), "and cleaned up")
        self.holds(not secondary.started, "nothing of it is left at its host")

    def prove_verdict(self, secondary):
        """What an operator says of a test goes to the agent that ends it, and the report says what became of the point."""
        for verdict, detail in [
            (common_pb2.TEST_VERDICT_FAILED, "is not verified"), (common_pb2.TEST_VERDICT_VERIFIED, "is verified")]:
            none = self.start(runs.RUN_KIND_TEST, point=runs.POINT_CHOICE_LATEST_VERIFIED)
            over = self.run_when(none.id, lambda run: run.state == runs.RUN_STATE_FAILED)
            self.holds("test failover" in over.remedy, "without a verified point it is said how there will be one")
            test = self.succeeds(
                self.start(runs.RUN_KIND_TEST, point=runs.POINT_CHOICE_LATEST), "a test is started to be judged")
            cleanup = self.succeeds(self.start(runs.RUN_KIND_CLEANUP, verdict=verdict), "and judged with its cleanup")
            self.holds(
                cleanup.cycle == test.cycle and detail in cleanup.steps[-1].detail,
                f"whose report says: {cleanup.steps[-1].detail}")
        self.holds(secondary.verified == {self.protection.id: test.cycle}, "its point is marked where it is kept")
        listed = self.services.command("points", "web", "--json")
        self.holds('"verifiedBy":"operator"' in listed, "which the command line shows")
        self.refused(
            common_pb2.ERROR_CODE_NOT_FOUND, "a test that is not there cannot be judged",
            lambda: self.start(runs.RUN_KIND_CLEANUP, verdict=common_pb2.TEST_VERDICT_VERIFIED))
        again = self.succeeds(
            self.start(runs.RUN_KIND_TEST, point=runs.POINT_CHOICE_LATEST_VERIFIED), "it can be asked for")
        self.holds(again.cycle == test.cycle, "and is the one that is started")
        self.succeeds(self.start(runs.RUN_KIND_CLEANUP), "and cleaned up")

    def prove_there_and_back(self, primary, secondary):
        planned = self.succeeds(self.start(runs.RUN_KIND_PLANNED), "a planned failover goes through")
        self.holds(
            planned.from_host == "primary" and planned.to_host == "secondary" and planned.rpo_ms == 0
            and all(step.state in (runs.STEP_STATE_DONE, runs.STEP_STATE_SKIPPED) for step in planned.steps),
            "its report says from where to where, that nothing was lost, and every step")
        self.reaches(common_pb2.PROTECTION_STATE_PROTECTED, "it is replicated back")
        self.succeeds(self.start(runs.RUN_KIND_FAILBACK), "and failed back")
        self.holds("prepare_replica" in primary.asked, "onto its own disks, prepared before")
        self.reaches(common_pb2.PROTECTION_STATE_PROTECTED, "as at first")

    def prove_unplanned(self, primary, secondary):
        unplanned = self.succeeds(
            self.start(runs.RUN_KIND_UNPLANNED, point=runs.POINT_CHOICE_LATEST), "an unplanned failover goes through")
        self.reaches(common_pb2.PROTECTION_STATE_COMMIT_PENDING, "its commit is pending")
        changed = self.succeeds(
            self.start(runs.RUN_KIND_CHANGE_POINT, point=runs.POINT_CHOICE_CYCLE, cycle=unplanned.cycle - 1),
            "another point is chosen")
        self.holds(changed.cycle == unplanned.cycle - 1, "and started")
        self.succeeds(self.start(runs.RUN_KIND_CANCEL), "it is cancelled")
        self.reaches(common_pb2.PROTECTION_STATE_PROTECTED, "and the guest is protected at home again")
        self.holds("start_guest" in primary.asked and not secondary.started, "where it runs, and nowhere else")

    def prove_recovered(self, primary, secondary):
        """As after `bascule-agent recover`, when nobody but the replica's host was left: its next report tells of it."""
        [before] = self.vault.vault(get_snapshot=vault_pb2.GetSnapshot()).protections
        newest = secondary.replicas[self.protection.id]
        primary.set_power("web", common_pb2.POWER_STATE_SHUT_OFF)
        secondary.start_by_itself(self.protection.id, newest)
        secondary.own_sides = {self.protection.id: vault_pb2.SideReport(
            protection=self.protection.id, generation=before.generation + 1, active=True, cycle=newest)}
        self.reaches(common_pb2.PROTECTION_STATE_COMMIT_PENDING, "a replica that its host started by itself is taken over")
        [after] = self.vault.vault(get_snapshot=vault_pb2.GetSnapshot()).protections
        self.holds(
            after.active_side == common_pb2.ACTIVE_SIDE_TARGET and after.generation == before.generation + 1
            and after.failover_cycle == newest, "with its generation and its point")
        secondary.own_sides = {}
        self.succeeds(self.start(runs.RUN_KIND_CANCEL), "and cancelled like any other")
        self.reaches(common_pb2.PROTECTION_STATE_PROTECTED, "and protected at home again")

    def prove_standing_still(self, secondary):
        """After the change of sides a refusal waits for somebody."""
        for finish in ["resume_run", "abandon_run"]:
            secondary.refuse_next["start_replica"] = common_pb2.Error(
                code=common_pb2.ERROR_CODE_FAILED_PRECONDITION, message="No memory for the guest.",
                remedy="Make room.")
            begun = self.start(runs.RUN_KIND_PLANNED)
            waiting = self.run_when(begun.id, lambda run: run.state == runs.RUN_STATE_WAITING)
            self.holds("No memory" in waiting.sentence, "a run that stands still says what is needed")
            if finish == "resume_run":
                self.orchestrator.orchestrator(resume_run=runs.ResumeRun(id=begun.id[:8]))
                self.succeeds(begun, "resumed, it goes through")
                self.reaches(common_pb2.PROTECTION_STATE_PROTECTED, "it is replicated back again")
                self.succeeds(self.start(runs.RUN_KIND_FAILBACK), "and failed back again")
            else:
                self.orchestrator.orchestrator(abandon_run=runs.AbandonRun(id=begun.id))
                self.run_when(begun.id, lambda run: run.state == runs.RUN_STATE_FAILED)
                self.holds(True, "abandoned, it is taken back")
            self.reaches(common_pb2.PROTECTION_STATE_PROTECTED, "the guest is protected as before")
        self.refused(
            common_pb2.ERROR_CODE_NOT_FOUND, "an unknown run is refused",
            lambda: self.orchestrator.orchestrator(resume_run=runs.ResumeRun(id=str(uuid.uuid4()))))

    def prove_commit_and_reverse(self, primary, secondary):
        self.succeeds(
            self.start(runs.RUN_KIND_UNPLANNED, point=runs.POINT_CHOICE_LATEST), "an unplanned failover, once more")
        self.succeeds(self.start(runs.RUN_KIND_COMMIT), "is committed")
        self.reaches(common_pb2.PROTECTION_STATE_COMMITTED, "and known as that")
        self.succeeds(self.start(runs.RUN_KIND_REVERSE), "and reversed")
        self.work_until(
            lambda: self.state() == common_pb2.PROTECTION_STATE_PROTECTED,
            "after a comparison it is replicated back")
        self.holds("adopt_disks" in primary.asked, "onto the old side's own disks")
        self.succeeds(self.start(runs.RUN_KIND_FAILBACK), "last of all it is failed back")
        self.work_until(
            lambda: self.state() == common_pb2.PROTECTION_STATE_PROTECTED, "and protected as at first")

    # Asking.

    def start(self, kind, operation=None, **fields):
        return self.orchestrator.orchestrator(operation=operation, start_run=runs.StartRun(
            kind=kind, protection=self.protection.id, **fields))

    def run_when(self, identifier, condition):
        ends = time.monotonic() + 90
        while time.monotonic() < ends:
            self.services.check()
            run = self.orchestrator.orchestrator(get_run=runs.GetRun(id=identifier))
            if condition(run):
                return run
            time.sleep(0.1)
        raise AssertionError(f"the run did not get there; it is:\n{run}")

    def succeeds(self, begun, sentence):
        over = {runs.RUN_STATE_SUCCEEDED, runs.RUN_STATE_FAILED}
        run = self.run_when(begun.id, lambda run: run.state in over)
        self.holds(run.state == runs.RUN_STATE_SUCCEEDED, f"{sentence}" if run.state == runs.RUN_STATE_SUCCEEDED
                   else f"{sentence}: {run.sentence} {run.remedy}")
        return run

    def state(self):
        """As the vault has it now; the copy of the registry may be behind what a run has done."""
        [protection] = self.vault.vault(get_snapshot=vault_pb2.GetSnapshot()).protections
        return protection.state

    def reaches(self, state, sentence):
        ends = time.monotonic() + 60
        while (is_now := self.state()) != state:
            if time.monotonic() > ends:
                raise AssertionError(f"does not hold: {sentence}; it is {common_pb2.ProtectionState.Name(is_now)}")
            self.services.check()
            time.sleep(0.1)
        self.holds(True, sentence)
