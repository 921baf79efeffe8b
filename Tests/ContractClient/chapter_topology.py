"""Sites, clouds, pairs, policies and protections: made, changed, listed, and removed again."""

import time

from bascule.v1 import common_pb2, policy_pb2, vault_pb2


class TopologyChapter:
    def prove_topology(self):
        site, cloud = vault_pb2.Site(name="spare"), vault_pb2.Cloud(name="spare-cloud", site="spare")
        self.vault.vault(create_site=vault_pb2.CreateSite(site=site))
        self.refused(
            common_pb2.ERROR_CODE_ALREADY_EXISTS, "a site is not made twice",
            lambda: self.vault.vault(create_site=vault_pb2.CreateSite(site=site)))
        self.vault.vault(create_cloud=vault_pb2.CreateCloud(cloud=cloud))
        bridge = common_pb2.NetworkMapping(source="br-production", target="br-spare")
        pair = vault_pb2.CloudPair(
            source_cloud="spare-cloud", target_cloud="secondary-cloud", policy="python", networks=[bridge])
        self.vault.vault(pair_clouds=vault_pb2.PairClouds(pair=pair))
        self.holds(
            [list(one.networks) for one in self.registry.take_snapshot().pairs if one.source_cloud == "spare-cloud"]
            == [[bridge]], "a pair says which network is which at the other side")
        self.refused(
            common_pb2.ERROR_CODE_FAILED_PRECONDITION, "a cloud that is paired is not removed",
            lambda: self.vault.vault(delete_cloud=vault_pb2.DeleteCloud(name="spare-cloud")))
        self.vault.vault(unpair_clouds=vault_pb2.UnpairClouds(
            source_cloud="spare-cloud", target_cloud="secondary-cloud"))
        self.vault.vault(delete_cloud=vault_pb2.DeleteCloud(name="spare-cloud"))
        self.vault.vault(delete_site=vault_pb2.DeleteSite(name="spare"))
        snapshot = self.registry.take_snapshot()
        self.holds(
            all(one.name != "spare" for one in snapshot.sites) and len(snapshot.pairs) == 1,
            "a site, its cloud and its pair are made and removed again")

    def prove_policies(self):
        window = policy_pb2.BandwidthWindow(
            weekdays=31, from_minute=8 * 60, to_minute=18 * 60, bytes_per_second=5 << 20)
        spare = policy_pb2.ReplicationPolicy(
            name="spare", frequency_seconds=30, compression=common_pb2.COMPRESSION_AUTOMATIC,
            retention=policy_pb2.Retention(every_cycle_seconds=3600), bandwidth_schedule=[window],
            time_zone="Europe/Berlin")
        self.policy.policy(put_policy=policy_pb2.PutPolicy(policy=spare))
        listed = {one.name: one for one in self.policy.policy(list_policies=policy_pb2.ListPolicies()).policies}
        self.holds(
            list(listed["spare"].bandwidth_schedule) == [window] and listed["spare"].time_zone == "Europe/Berlin",
            "a policy with a bandwidth schedule is stored and listed")
        for compression in set(common_pb2.Compression.values()) - {common_pb2.COMPRESSION_UNSPECIFIED}:
            spare.compression = compression
            stored = self.policy.policy(put_policy=policy_pb2.PutPolicy(policy=spare))
            self.holds_quietly(stored.compression == compression, f"compression {compression} is stored")
        spare.bandwidth_schedule[0].weekdays = 0
        self.refused(
            common_pb2.ERROR_CODE_INVALID_ARGUMENT, "a bandwidth window on no weekday is refused",
            lambda: self.policy.policy(put_policy=policy_pb2.PutPolicy(policy=spare)))
        self.policy.policy(delete_policy=policy_pb2.DeletePolicy(name="spare"))

    def prove_protection_of_a_cloud(self):
        result = self.vault.vault(protect_cloud=vault_pb2.ProtectCloud(source_cloud="primary-cloud"))
        self.holds(
            list(result.already) == ["web"] and [one.guest for one in result.refused] == ["old"]
            and not result.created, "protecting a cloud says who is protected already, and who is refused and why")
        for name in ["default", ""]:
            protection = self.vault.vault(set_policy_override=vault_pb2.SetPolicyOverride(
                protection=self.protection.id, policy=name))
            self.holds(protection.policy_override == name, f"the guest's own policy is {name or 'that of its pair again'}")
        self.policy.policy(trigger_cycle=policy_pb2.TriggerCycle(
            protection=self.protection.id, consistency=common_pb2.CONSISTENCY_APPLICATION))
        history = self.policy.policy(get_history=policy_pb2.GetHistory(protection=self.protection.id, limit=5))
        self.holds(
            0 < len(history.cycles) <= 5 and all(one.committed_unix_ms > 0 for one in history.cycles),
            f"the history has its last {len(history.cycles)} cycles")
        # By now policy has heard from the vault which policy the pair names.
        self.refused(
            common_pb2.ERROR_CODE_FAILED_PRECONDITION, "a policy in use is not deleted",
            lambda: self.policy.policy(delete_policy=policy_pb2.DeletePolicy(name="python")))

    def prove_removal(self):
        self.vault.vault(unprotect=vault_pb2.Unprotect(protection="web"))
        self.registry.follow(lambda registry: self.protection.id not in registry.protections, deadline=60)
        self.holds(
            "release_source" in self.agents[0].asked and "delete_replica" in self.agents[1].asked,
            "unprotect cleans both sides and then forgets the protection")
        audit = self.vault.vault(list_audit=vault_pb2.ListAudit(limit=1000))
        actions = {entry.action for entry in audit.entries}
        self.holds(
            {"register_host", "pair_clouds", "protect", "change_state", "unprotect", "confirm_unprotected",
             "advance_failover", "both_sides"} <= actions,
            "the audit has all of it")

    def prove_removal_in_place_of_policy(self):
        """What policy does at the end of a protection, done by messages while it is away."""
        self.services.kill("policy")
        # The guest ran at the other host, too, whose next report says that it is gone there.
        self.registry.follow(
            lambda registry: [one.host_id for one in registry.take_snapshot().guests if one.name == "web"]
            == [self.agents[0].id], deadline=30)
        protection = self.vault.vault(protect=vault_pb2.Protect(guest="web", source_host="primary"))
        leaving = self.vault.vault(unprotect=vault_pb2.Unprotect(protection=protection.id))
        self.refused(
            common_pb2.ERROR_CODE_CONFLICT, "the end of a protection is not confirmed on an old version",
            lambda: self.vault.vault(confirm_unprotected=vault_pb2.ConfirmUnprotected(
                protection=protection.id, expected_version=leaving.version - 1)))
        self.vault.vault(confirm_unprotected=vault_pb2.ConfirmUnprotected(
            protection=protection.id, expected_version=leaving.version))
        self.holds(not self.registry.take_snapshot().protections, "confirmed, it is forgotten")
        self.services.start("policy")
        # Until it has the registry, it tells what it stored before it was killed.
        ends = time.monotonic() + 30
        while self.policy.policy(deadline=30, get_status=policy_pb2.GetStatus()).statuses and time.monotonic() < ends:
            time.sleep(0.1)
        self.holds(
            not self.policy.policy(deadline=30, get_status=policy_pb2.GetStatus()).statuses,
            "and policy, which was away, hears of it")
