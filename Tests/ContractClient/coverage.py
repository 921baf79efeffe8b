"""Which messages of the contract were seen on the wire. What it must be complete against are the .proto files
themselves, so that a new request, reply or event without a case here fails the proof, by name."""

from bascule.v1 import agent_pb2, orchestrator_pb2, policy_pb2, vault_pb2

SERVICES = {
    "vault": (vault_pb2.VaultRequest, vault_pb2.VaultReply),
    "policy": (policy_pb2.PolicyRequest, policy_pb2.PolicyReply),
    "agent": (agent_pb2.AgentRequest, agent_pb2.AgentReply),
    "orchestrator": (orchestrator_pb2.OrchestratorRequest, orchestrator_pb2.OrchestratorReply),
}


def names(message, oneof):
    return {field.name for field in message.DESCRIPTOR.oneofs_by_name[oneof].fields}


class Coverage:
    def __init__(self):
        # Requests that a real service answered with something else than an error; and replies that came.
        self.answered = {service: set() for service in SERVICES}
        self.replies = {service: set() for service in SERVICES}
        # Requests that a real agent was sent, whatever it answered.
        self.asked_of_agent = set()
        # Requests that a real service or the command line sent to a host agent made of this contract alone.
        self.served = set()
        self.events = set()

    def missing(self):
        """A sentence for everything that has no case."""
        lines = []

        def lack(what, wanted, seen):
            lines.extend(f"{what} {name}" for name in sorted(wanted - seen))

        for service in ["vault", "policy", "orchestrator"]:
            request, reply = SERVICES[service]
            lack(f"no {service} answered the request", names(request, "request"), self.answered[service])
            lack(f"no {service} sent the reply", names(reply, "reply"), self.replies[service])
        request, reply = SERVICES["agent"]
        lack("nobody asked an agent of ours for", names(request, "request"), self.served)
        lack("no host agent was sent the request", names(request, "request"), self.asked_of_agent)
        lack("neither an agent nor its stand-in sent the reply", names(reply, "reply"), self.replies["agent"])
        lack("no subscriber saw the event", names(vault_pb2.VaultEvent, "change"), self.events)
        return lines

    def counts(self):
        requests = sum(len(names(request, "request")) for request, _ in SERVICES.values())
        return f"{requests} requests and {len(names(vault_pb2.VaultEvent, 'change'))} events"
