"""Protects a guest and waits for its second point. Started by `make-point`."""

import json
import sys
import time

import zmq
from bascule.v1 import agent_pb2, common_pb2, policy_pb2, vault_pb2
from bascule_client import Refused, Requests


def protect(vault, guest, ends):
    """Once the vault has heard of the guest from its host."""
    while True:
        try:
            return vault.vault(protect=vault_pb2.Protect(guest=guest))
        except Refused as refusal:
            if refusal.code != common_pb2.ERROR_CODE_NOT_FOUND or time.monotonic() > ends:
                raise
            time.sleep(0.2)


def main():
    vault_endpoint, policy_endpoint, guest = sys.argv[1:]
    ends = time.monotonic() + 90
    context = zmq.Context()
    vault, policy = Requests(context, vault_endpoint), Requests(context, policy_endpoint)
    protection = protect(vault, guest, ends)
    status = None
    while status is None or status.newest_cycle < 2 or not status.last.sent_bytes:
        if time.monotonic() > ends:
            raise SystemExit(f"no second point came in time; the status is:\n{status}")
        time.sleep(0.1)
        # Policy hears of the protection by an event, so it may not know it yet.
        try:
            [status] = policy.policy(get_status=policy_pb2.GetStatus(protection=protection.id)).statuses
        except Refused as refusal:
            if refusal.code != common_pb2.ERROR_CODE_NOT_FOUND:
                raise
    hosts = vault.vault(get_snapshot=vault_pb2.GetSnapshot()).hosts
    [target] = [one for one in hosts if one.id == protection.target_host_id]
    agent = Requests(context, target.control_endpoint)
    points = agent.agent(list_points=agent_pb2.ListPoints(protection=protection.id)).points
    print(json.dumps({
        "protection": protection.id, "cycle": status.newest_cycle, "sentBytes": status.last.sent_bytes,
        "health": common_pb2.HealthLevel.Name(status.health.level), "points": [point.cycle for point in points]}))
    for requests in [vault, policy, agent]:
        requests.close()
    context.destroy(linger=0)


main()
