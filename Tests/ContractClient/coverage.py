"""Which messages of the contract were seen on the wire. What it must be complete against are the .proto files
themselves: services from the arms of the envelope, and everything else from the files that are there. A new arm, a new
service, a new request, reply or event, a new message inside of one, and a new value of an enum without a case here fails
the proof, by name."""

import importlib
import pkgutil

import bascule.v1
from bascule.v1 import envelope_pb2

FILES = {
    name: importlib.import_module(f"bascule.v1.{name}").DESCRIPTOR
    for name in sorted(module.name for module in pkgutil.iter_modules(bascule.v1.__path__))
    if name.endswith("_pb2")
}
ARMS = {arm.name: arm.message_type for arm in envelope_pb2.Envelope.DESCRIPTOR.oneofs_by_name["body"].fields}

# Of every service: its requests and its replies. Health has one request, and no oneof.
SERVICES = {
    arm.removesuffix("_request"): (ARMS[arm], ARMS.get(arm.replace("_request", "_reply")))
    for arm, message in ARMS.items() if arm.endswith("_request") and "request" in message.oneofs_by_name
}
EVENTS = {
    arm.removesuffix("_event"): message for arm, message in ARMS.items() if arm.endswith("_event")
}

# Values that nothing says here, and where they are tested.
ELSEWHERE = {
    # A replica with damaged bytes, which messages alone do not make: Tests/HostAgentTests/AgentCycleTests.swift.
    "ERROR_CODE_CORRUPT_DATA",
    # A guest with a guest agent in it: Tests/EndToEndTests/VerifiedTests.swift.
    "VERIFIED_BY_GUEST_AGENT",
}


def names(message, oneof):
    return {field.name for field in message.oneofs_by_name[oneof].fields}


def kinds(service, side):
    """Names of the requests (side 0) or the replies (side 1) of a service."""
    message = SERVICES[service][side]
    return names(message, ("request", "reply")[side]) if message is not None else set()


def messages():
    """Every message of every file, the nested ones too."""
    left = [message for file in FILES.values() for message in file.message_types_by_name.values()]
    while left:
        message = left.pop()
        yield message
        left.extend(message.nested_types)


def enums():
    for file in FILES.values():
        yield from file.enum_types_by_name.values()
    for message in messages():
        yield from message.enum_types


def values():
    """Every value of every enum by name, but the one that means unspecified."""
    return {value.name for enum in enums() for value in enum.values if value.number != 0}


class Coverage:
    def __init__(self):
        # Requests that a real service answered with something else than an error; and replies of real services.
        self.answered = {service: set() for service in SERVICES}
        self.replies = {service: set() for service in SERVICES}
        # Requests that a real agent was sent, whatever it answered.
        self.asked_of_agent = set()
        # Requests that a real service or the command line sent to a host agent made of this contract alone.
        self.served = set()
        self.events = set()
        # Arms of envelopes, and values of enums, in what was said by a real service or accepted by one.
        self.arms = set()
        self.values = set()
        # Every message, the envelope and what is inside of others too.
        self.seen = set()

    def saw(self, envelope):
        """Notes an envelope that a real service sent, or that one accepted."""
        if envelope.WhichOneof("body"):
            self.arms.add(envelope.WhichOneof("body"))
        self._note(envelope)

    def served_with(self, request, reply):
        """Notes what a host agent made of this contract alone answered to a real service that asked."""
        self.served.add(request)
        self._note(reply, with_values=False)

    def _note(self, message, with_values=True):
        self.seen.add(message.DESCRIPTOR.full_name)
        for field, value in message.ListFields():
            several = value if field.label == field.LABEL_REPEATED else [value]
            if field.type == field.TYPE_ENUM and with_values:
                self.values.update(
                    field.enum_type.values_by_number[one].name for one in several
                    if one in field.enum_type.values_by_number)
            elif field.type == field.TYPE_MESSAGE and not field.message_type.GetOptions().map_entry:
                for one in several:
                    self._note(one, with_values)

    def missing(self):
        """A sentence for everything that has no case."""
        lines = []

        def lack(what, wanted, seen):
            lines.extend(f"{what} {name}" for name in sorted(wanted - seen))

        for service in SERVICES:
            lack(f"no {service} answered the request", kinds(service, 0), self.answered[service])
            lack(f"no {service} sent the reply", kinds(service, 1), self.replies[service])
        lack("nobody asked an agent of ours for", kinds("agent", 0), self.served)
        lack("no host agent was sent the request", kinds("agent", 0), self.asked_of_agent)
        for service, message in EVENTS.items():
            lack(f"no subscriber of {service} saw the event", names(message, "change"), self.events)
        lack("no envelope had the arm", set(ARMS), self.arms)
        lack("nothing said the message", {one.full_name for one in messages() if not one.GetOptions().map_entry}, self.seen)
        lack("nothing said the value", values() - ELSEWHERE, self.values)
        lack("the list of what is tested elsewhere names", ELSEWHERE, values())
        lack("no arm of the envelope carries the message", self._bodies(), {one.name for one in ARMS.values()})
        return lines

    @staticmethod
    def _bodies():
        """Messages made to be a body: what has a oneof, besides the envelope itself."""
        return {message.name for message in messages() if message.oneofs and message.name != "Envelope"}

    def counts(self):
        requests = sum(len(kinds(service, 0)) for service in SERVICES)
        replies = sum(len(kinds(service, 1)) for service in SERVICES)
        events = sum(len(names(message, "change")) for message in EVENTS.values())
        return (
            f"{requests} requests, {replies} replies, {events} events, {len(self.seen)} messages"
            f" and {len(values())} values of enums")
