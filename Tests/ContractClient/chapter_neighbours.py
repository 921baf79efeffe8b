"""Services of ours as processes whose neighbours are not there, say nonsense, or nothing: policy, the orchestrator and a
host agent beside such a vault; policy beside such hosts; and the orchestrator beside such a policy service. Each
neighbour is true in the end, and then all goes on by itself."""

from bascule.v1 import agent_pb2, common_pb2, orchestrator_pb2 as runs, policy_pb2, vault_pb2
from bascule_client import Refused, Requests
from fake_agent import FakeAgent, guest
from fake_neighbour import NOISE, FakeNeighbour


class NeighbourChapter:
    def prove_alone(self):
        with self.by_themselves():
            refusal, report = self.prove_no_vault()
            self.prove_deaf_subscriber()
            self.holds(
                [one.passed for one in report.result().items if one.name == "vault"] == [False],
                "an agent's doctor tells that there is no vault")
            self.no_run_is_begun(refusal.result(), common_pb2.ERROR_CODE_UNAVAILABLE, "without a vault")
            self.policy_tells("Nobody was reached", "without a vault")
            self.prove_false_vault()
            self.prove_false_hosts()
            self.prove_false_policy()
            self.end_threads_alone()
            for name in ["agent", "orchestrator", "policy", "vault"]:
                self.holds(self.alone.terminate(name) == 0, f"{name} ends by itself when it is asked to")

    # What asks a vault.

    def prove_no_vault(self):
        for name in ["policy", "orchestrator", "agent"]:
            self.start_alone(name)
        agent = self.ask_alone["agent"]
        refusal = self.late_alone.submit(self.refusal_of_a_run)
        health = self.ask_alone["policy"].health()
        self.holds(
            health.level == common_pb2.HEALTH_LEVEL_WARNING and any("vault" in one for one in health.details),
            f"policy starts without a vault, and says so: {health.details[-1]}")
        self.becomes(
            agent.health, lambda health: health.level == common_pb2.HEALTH_LEVEL_NORMAL, "an agent without a vault is well")
        self.all_are_prompt("without a vault")
        return refusal, self.late_alone.submit(agent.agent, doctor_check=agent_pb2.DoctorCheck())

    def prove_false_vault(self):
        self.stand_in(self.alone.vault)
        for says, told, sentence in [
            (lambda reply: reply.vault_reply.audit_list.SetInParent(), "something else",
             "beside a vault that answers something else"),
            (lambda reply: reply.vault_reply.SetInParent(), "no VaultReply", "beside a vault whose answers are empty")]:
            self.false.says = says
            self.no_run_is_begun(self.refusal_of_a_run(), common_pb2.ERROR_CODE_INTERNAL, sentence)
            self.policy_tells(told, sentence)
            self.all_are_prompt(sentence)
        sentence = "beside a vault that sends noise, and then nothing"
        self.false.says = NOISE
        refusal = self.asks_meanwhile(lambda: self.late_alone.submit(self.refusal_of_a_run), "policy", "orchestrator")
        self.false.says = None
        self.asks_meanwhile(lambda: None, "policy")
        self.all_are_prompt(sentence)
        self.policy_tells("did not answer in time", sentence)
        self.no_run_is_begun(refusal.result(), common_pb2.ERROR_CODE_DEADLINE_EXCEEDED, sentence)
        self.becomes(
            lambda: len(self.false.asked["agent"]), lambda asked: asked > 0, "an agent tells such a vault of itself, too")
        self.false.end()
        self.start_alone("vault")
        self.becomes(
            self.ask_alone["policy"].health, lambda health: health.level == common_pb2.HEALTH_LEVEL_NORMAL,
            "when there is a true vault, policy is well by itself")
        self.no_run_is_begun(
            self.refusal_of_a_run(), common_pb2.ERROR_CODE_NOT_FOUND, "beside a true vault that knows no such guest")

    def policy_tells(self, words, sentence):
        self.becomes(
            self.ask_alone["policy"].health, lambda health: health.level == common_pb2.HEALTH_LEVEL_WARNING and any(
                "vault has not given its registry" in one and words in one for one in health.details),
            f"{sentence}, policy says that it is given no registry, and why")

    def refusal_of_a_run(self):
        """Its code and sentence. By a DEALER of its own, because it waits while others are asked."""
        asking = Requests(self.context, self.alone.orchestrator)
        try:
            return None, asking.orchestrator(deadline=20, start_run=runs.StartRun(
                kind=runs.RUN_KIND_TEST, protection="web", point=runs.POINT_CHOICE_LATEST))
        except Refused as refusal:
            return refusal.code, refusal.error.message
        finally:
            asking.close()

    def no_run_is_begun(self, refusal, code, sentence):
        listed = self.ask_alone["orchestrator"].orchestrator(list_runs=runs.ListRuns()).runs
        self.holds(
            refusal[0] == code and refusal[1] and not listed,
            f"{sentence}, a run is refused, and nothing of it is left ({refusal[1]})")

    def stand_in(self, endpoint, says=None):
        self.false = FakeNeighbour(self.context, endpoint, says)
        self.threads_alone.append(self.false)
        self.false.start()

    def asks_meanwhile(self, act, *names):
        """Each of these asks something new after that, and now waits for the answer."""
        before = {name: len(self.false.asked[name]) for name in names}
        result = act()
        self.becomes(
            lambda: {name: len(self.false.asked[name]) for name in names},
            lambda now: all(now[name] > before[name] for name in names), f"it is asked by {' and by '.join(names)}")
        return result

    # What asks host agents.

    def prove_false_hosts(self):
        liar = FakeAgent(self.context, "primary", self.alone.vault, [guest("web")])
        gone = FakeAgent(self.context, "tertiary", self.alone.vault, [guest("db")], endpoint=self.alone.host)
        self.hosts_alone = [liar, gone, FakeAgent(self.context, "secondary", self.alone.vault)]
        self.threads_alone += self.hosts_alone
        policy, vault = self.ask_alone["policy"], self.ask_alone["vault"]
        for agent in self.hosts_alone:
            agent.register()
            agent.report()
            agent.start()
        policy.policy(put_policy=policy_pb2.PutPolicy(policy=self.a_policy("quick", 1)))
        for source in [liar, gone]:
            vault.vault(pair_clouds=vault_pb2.PairClouds(pair=vault_pb2.CloudPair(
                source_cloud=f"{source.host_name}-cloud", target_cloud="secondary-cloud", policy="quick")))
            vault.vault(protect=vault_pb2.Protect(guest=source.guests[0].name))
        for name in ["db", "web"]:
            before = self.has_point(name, 0, f"{name} has a first point")
        gone.away = True
        for says, told, sentence in [
            (lambda reply: reply.agent_reply.done.SetInParent(), "something else", "that answers something else"),
            (lambda reply: reply.agent_reply.capture_opened.SetInParent(), "consistency", "whose capture is of nothing")]:
            liar.instead["open_capture"] = says
            self.becomes(
                lambda: self.status_alone("web"),
                lambda status: told in status.health.reason and status.health.level != common_pb2.HEALTH_LEVEL_NORMAL,
                f"the status of a guest says what its host did, {sentence}")
        self.all_are_prompt("beside a host that answers nonsense")
        liar.instead["open_capture"] = NOISE
        asked = liar.asked.count("open_capture")
        self.becomes(lambda: liar.asked.count("open_capture"), lambda now: now > asked, "it is asked again all the same")
        liar.late["open_capture"] = 1.5
        del liar.instead["open_capture"]
        self.has_point("web", before, "and when it answers, and be it late, there is a point")
        liar.late.clear()
        status = self.becomes(
            lambda: self.status_alone("db"), lambda status: status.health.level != common_pb2.HEALTH_LEVEL_NORMAL,
            "the status of a guest whose host is away says that its point is old")
        self.holds(
            status.cycle_open and status.phase and status.health.reason and status.health.remedy,
            f"and what is waited for: {status.phase}. {status.health.reason}")
        self.all_are_prompt("beside a host that is away")
        gone.ignore_next.add("open_capture")
        gone.away = False
        self.has_point("db", status.newest_cycle, "when it is back, and does not answer at first, there is a point")

    def has_point(self, name, after, sentence):
        return self.becomes(
            lambda: self.status_alone(name),
            lambda status: status.newest_cycle > after and status.health.level == common_pb2.HEALTH_LEVEL_NORMAL,
            sentence).newest_cycle

    def status_alone(self, name):
        """None of what policy has not heard of yet."""
        try:
            return self.ask_alone["policy"].policy(get_status=policy_pb2.GetStatus(protection=name)).statuses[0]
        except Refused as refusal:
            if refusal.code != common_pb2.ERROR_CODE_NOT_FOUND:
                raise

    # What asks a policy service.

    def prove_false_policy(self):
        orchestrator = self.ask_alone["orchestrator"]
        free = (common_pb2.PROTECTION_STATE_PROTECTED, "")
        self.becomes(self.held_by, lambda held: held == free, "a guest is protected")
        self.alone.kill("policy")
        del self.alone.processes["policy"]
        self.stand_in(self.alone.policy, lambda reply: reply.policy_reply.workers.SetInParent())
        planned = runs.StartRun(kind=runs.RUN_KIND_PLANNED, protection="web")
        run = orchestrator.orchestrator(start_run=planned)
        self.reaches_alone(run, runs.RUN_STATE_WAITING, "something else", "waits, and says why")
        health = orchestrator.health()
        self.holds(
            health.level == common_pb2.HEALTH_LEVEL_WARNING and any(run.id[:8] in one for one in health.details),
            f"the orchestrator says which one: {health.details[-1]}")
        self.is_prompt("orchestrator", "beside a policy service that answers something else")
        orchestrator.orchestrator(abandon_run=runs.AbandonRun(id=run.id))
        self.reaches_alone(run, runs.RUN_STATE_FAILED, "abandoned", "is given up")
        self.holds(
            self.held_by() == free and not any("stop_guest" in host.asked for host in self.hosts_alone),
            "nothing is left of it: no run holds the guest, which runs on")
        self.false.says = None
        run = self.asks_meanwhile(lambda: orchestrator.orchestrator(start_run=planned), "orchestrator")
        self.is_prompt("orchestrator", "beside a policy service that says nothing")
        self.reaches_alone(run, runs.RUN_STATE_WAITING, "policy service does not answer", "says whom it waits for")
        self.false.end()
        self.start_alone("policy")
        self.reaches_alone(run, runs.RUN_STATE_SUCCEEDED, "web runs at secondary", "goes through when policy is back")
        self.becomes(
            lambda: [one.reachable for one in self.snapshot_alone().hosts if one.name == "quiet"],
            lambda seen: seen == [True],
            "and the agent that had no vault, and then a false one, has registered with the true one")

    def snapshot_alone(self):
        return self.ask_alone["vault"].vault(get_snapshot=vault_pb2.GetSnapshot())

    def held_by(self):
        [web] = [one for one in self.snapshot_alone().protections if one.guest_name == "web"]
        return web.state, web.run

    def reaches_alone(self, run, state, words, sentence):
        self.becomes(
            lambda: self.ask_alone["orchestrator"].orchestrator(get_run=runs.GetRun(id=run.id)),
            lambda run: run.state == state and words in run.sentence, f"a planned failover {sentence}", seconds=60)
