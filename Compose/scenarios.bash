#!/usr/bin/env bash
# The scenarios of Scripts/run-compose-scenarios, but for those of stops.bash: what is done to the containers. Sourced, not
# run.
#
# "In the middle of" is looked at, not hoped for: what the container was killed in has to end after it was dead, or it is
# done once more, a few times at most, and then the scenario fails.

# shellcheck source=Compose/proofs.bash
. Compose/proofs.bash

# How often a scenario is tried whose kill came too late.
readonly tries_at_most=4
# Of each guest: the limit under which a cycle has a middle even on a fast machine, and how much of the open cycle is not
# stored yet when a container is killed in the middle of it. The neighbour writes 20 KiB a second.
readonly -A slow=([demo]=1MiB [neighbour]=64KiB) middle_bytes=([demo]=$((2 << 20)) [neighbour]=$((16 << 10)))
other() { case "$1" in demo) echo neighbour ;; *) echo demo ;; esac; }
# guest_of VICTIM: whose cycles that container has to do with. The workers of site B read the neighbour's disks.
guest_of() { case "$1" in worker-b) echo neighbour ;; *) echo demo ;; esac; }

# kill_all SERVICE…: SIGKILL at once; killed_at is when the last of them was dead, by its engine's own record.
kill_all() {
    local identifiers
    mapfile -t identifiers < <(for service in "$@"; do container "$service"; done)
    kill_containers "${identifiers[@]}"
}
kill_containers() {
    docker kill "$@" >/dev/null
    killed_at="$(docker inspect --format '{{.State.FinishedAt}}' "$@" | date --file=- +%s%3N | sort --numeric-sort | tail -n 1)"
}
start_all() {
    local identifiers
    mapfile -t identifiers < <(for service in "$@"; do container "$service"; done)
    docker start "${identifiers[@]}" >/dev/null
    await_healthy "$@"
}
# crash SERVICE [RUN STEP]: SIGKILL, at once or when the step of the run begins, and, a second later, started again, as Docker
# does by itself after a crash.
crash() {
    local identifiers
    # Looked up before the moment, because a step may last half a second.
    mapfile -t identifiers < <(container "$1")
    the_moment "${2:-}" "${3:-}"
    kill_containers "${identifiers[@]}"
    sleep 1 # because a machine takes a moment, too, and the others have to notice that it is gone
    start_all "$1"
}

# ---- Scenarios -------------------------------------------------------------------------------------------------------

new_ground() {
    take_down
    bring_up
    protect_neighbour
    part write
    part protect
    await_point 0 240
    bascule policy set demo --bandwidth unlimited >/dev/null
    bascule pair cloud-a cloud-b --fence shut-down >/dev/null
}

# outside VICTIM…: those guests that are not in a container of the victims.
outside() {
    local guests=" demo neighbour "
    [[ " $* " != *" agent-a "* ]] || guests="${guests/ demo / }"
    [[ " $* " != *" agent-b "* ]] || guests="${guests/ neighbour / }"
    echo "$guests"
}

# guests_come_back VICTIM: those that were in its container at home begin anew, with all that they had told of.
guests_come_back() {
    case "$1" in
        agent-a)
            records_kept demo
            await 60 "the guest to run again" part write
            ;;
        agent-b) records_kept neighbour ;;
    esac
}

# delta VICTIM: killed while a cycle has more than a few changed blocks to go.
delta() {
    local guest bystander bystander_before before try witnesses
    guest="$(guest_of "$1")" bystander="$(other "$guest")"
    read -ra witnesses <<<"$(outside "$1")"
    for ((try = 1; ; try++)); do
        bascule policy set "$guest" --bandwidth "${slow[$guest]}" >/dev/null
        bystander_before="$(status_of newestCycle "$bystander")"
        [ "$guest" != demo ] || part burst
        watch "${witnesses[@]}"
        note_records demo neighbour
        await 30 "a cycle with changed bytes to be open" pending_delta "$guest"
        before="$open_after"
        crash "$1"
        bascule policy set "$guest" --bandwidth unlimited >/dev/null
        # Its guest went with it, and its bitmaps are worth nothing: a comparison is what is due.
        guests_come_back "$1"
        await_point "$before" 180 "$guest"
        unwatch "${witnesses[@]}"
        [ "$1" = agent-a ] || only_deltas_after "$before" "$guest"
        if [ "$1" != agent-b ]; then
            await_point "$bystander_before" 120 "$bystander"
            only_deltas_after "$bystander_before" "$bystander"
        fi
        ! was_open "$before" "$guest" || break
        [ "$try" -lt "$tries_at_most" ] || fail "the delta ended before its container was dead, $try times."
    done
    all_is_well
}
# pending_delta GUEST: a cycle is open with changed bytes to go; open_after is the newest point's number before it.
pending_delta() { open_after="$(status_of newestCycle "$1")" && in_the_open "$1" "$open_after" "${middle_bytes[$1]}"; }

# seed_anew GUEST: it is protected anew, with a limited bandwidth, and a good part of its seeding is still to come.
seed_anew() {
    # Once is enough: what was filled stays.
    [ "$1" != demo ] || in_container demo test -e /var/lib/demo/story.json || part fill
    bascule unprotect "$1" --yes >/dev/null
    await 60 "the protection to be taken away" is_unprotected "$1"
    case "$1" in
        demo) part protect ;;
        *)
            bascule policy set "$1" --bandwidth "${slow[$1]}" >/dev/null
            bascule protect "$1" >/dev/null
            ;;
    esac
    await 60 "the seeding to begin" in_the_open "$1" 0 "${middle_bytes[$1]}"
}
seeding() {
    local guest try witnesses
    guest="$(guest_of "$1")"
    read -ra witnesses <<<"$(outside "$1")"
    for ((try = 1; ; try++)); do
        seed_anew "$guest"
        [ "$guest" != demo ] || part write
        watch "${witnesses[@]}"
        note_records demo neighbour
        in_the_open "$guest" 0 "${middle_bytes[$guest]}" || fail "the seeding is over too soon; use more data."
        crash "$1"
        guests_come_back "$1"
        bascule policy set "$guest" --bandwidth unlimited >/dev/null
        await_point 0 240 "$guest"
        unwatch "${witnesses[@]}"
        ! was_open 0 "$guest" || break
        [ "$try" -lt "$tries_at_most" ] || fail "the seeding ended before its container was dead, $try times."
    done
    all_is_well
}

run_is_over() { case "$(bascule run show "$1" --json | field state)" in succeeded | failed) ;; *) return 1 ;; esac; }
begin() { bascule "$@" --yes --no-wait --json | field id; }
# over RUN: waits until it is over, and it has to have succeeded.
over() {
    await 240 "the run $1 to be over" run_is_over "$1"
    [ "$(bascule run show "$1" --json | field state)" = succeeded ] \
        || fail "the run did not succeed: $(bascule run show "$1" | tail -n 4)"
}
# test_runs RUN AGENT: it says so, and libvirt there, too.
test_runs() {
    local name
    name="$(bascule run show "$1" --json | field startedGuest)"
    [ -n "$name" ] && [ "$name" != None ] && libvirt_of "$2" domstate "$name" | grep -q running
}
# went_on RUN: a step had begun when the container was dead, and one ended later.
went_on() {
    bascule run show "$1" --json | python3 -c 'import json, sys
steps, killed = json.load(sys.stdin)["steps"], int(sys.argv[1])
begun = any(0 < step["startedUnixMilliseconds"] <= killed for step in steps)
sys.exit(not (begun and max(step["endedUnixMilliseconds"] for step in steps) > killed))' "$killed_at"
}

# the_moment RUN STEP: the step of the run has begun, or the run is over. Asked from within a container and without a pause.
the_moment() {
    [ -n "$2" ] || return 0
    # shellcheck disable=SC2016 # the inner shell expands
    in_container demo timeout 60 bash -c '
        begun="\"name\":\"$2\"[^}]*\"startedUnixMilliseconds\":[1-9]"
        over="\"state\":\"(succeeded|failed)\""
        until run="$(bascule run show "$1" --json)" && [[ "$run" =~ $begun || "$run" =~ $over ]]; do :; done' bash "$1" "$2" \
        || fail "waited 60 s for the step $2 of the run $1 to begin, in vain."
}

# listen_away, heard_away: the last record that demo told of at site B, whose console goes with its folder.
listen_away() {
    local folder
    folder="/var/lib/bascule/replicas/$(protection_of demo)/failover"
    # shellcheck disable=SC2016 # the inner shell expands
    docker exec --detach "$(one demo)" bash -c 'exec timeout 400 tail --lines=+1 --follow=descriptor "$1" >/var/lib/demo/away' \
        bash "$folder/device-serial0.log"
    await 30 "demo to count at site B" heard_away
}
heard_away() { told_in /var/lib/demo/away | grep .; }

# failover KIND VICTIM [STEP]: the container is killed as soon as the run has begun, or when it has come to that step. What
# the guest had told of before has to be there when it is home again.
failover() {
    local kind="$1" victim="$2" step="${3:-}" run try hit
    for ((try = 1; ; try++)); do
        hit=''
        [ "$victim" = agent-b ] || watch neighbour
        note_records demo neighbour
        case "$kind" in
            test)
                # The test is of a copy at site B.
                [ "$victim" = agent-a ] || watch demo
                run="$(begin failover demo --test)"
                crash "$victim" "$run" "$step"
                await 120 "the test guest to run" test_runs "$run" agent-b
                if went_on "$run"; then hit=1; fi
                guests_come_back "$victim"
                over "$(begin cleanup demo)"
                [ "$victim" = agent-a ] || unwatch demo
                ;;
            planned)
                run="$(begin failover demo --planned)"
                crash "$victim" "$run" "$step"
                over "$run"
                if went_on "$run"; then hit=1; fi
                # The guest is off at home now, so this is all that it ever told of there; and it writes nothing at B.
                note_records demo
                await 120 "replication back to site A" is_protected demo
                # With its site the guest may have begun there once more, before it was fenced.
                note_boots demo
                over "$(begin failback demo)"
                records_kept demo
                ;;
            failback)
                over "$(begin failover demo --planned)"
                await 120 "replication back to site A" is_protected demo
                part write-away
                listen_away
                note_boots demo
                run="$(begin failback demo)"
                crash "$victim" "$run" "$step"
                over "$run"
                if went_on "$run"; then hit=1; fi
                told[demo]="$(heard_away)"
                records_kept demo
                ;;
            unplanned)
                run="$(begin failover demo --unplanned --reach-source)"
                crash "$victim" "$run" "$step"
                over "$run"
                if went_on "$run"; then hit=1; fi
                over "$(begin cancel demo)"
                records_kept demo
                ;;
        esac
        [ "$victim" = agent-b ] || unwatch neighbour
        [ -z "$hit" ] || break
        [ "$try" -lt "$tries_at_most" ] || fail "the run ended before its container was dead, $try times."
        await 120 "demo to be protected again" is_protected demo
        await 60 "the guest to obey" part write
    done
    all_is_well
    part write
}

wan() {
    local before neighbour_before service identifier apart
    before="$(status_of newestCycle)" neighbour_before="$(status_of newestCycle neighbour)"
    watch demo neighbour
    for service in agent-a worker-a; do docker network disconnect "${COMPOSE_PROJECT_NAME}_wan" "$(one "$service")"; done
    sleep 60 # because this is how long the sites are apart
    for guest in demo neighbour; do
        apart="$(status_of newestPointAgeMilliseconds "$guest")"
        [ "$apart" -ge 40000 ] || fail "$guest had a point $apart ms ago, with the sites apart for 60 s."
    done
    for service in agent-a worker-a; do
        identifier="$(one "$service")"
        docker network connect --alias "$service" --alias "${identifier:0:12}" "${COMPOSE_PROJECT_NAME}_wan" "$identifier"
    done
    local joined guest late
    joined="$(milliseconds)"
    killed_at="$joined"
    for guest in demo neighbour; do
        await 120 "a point of $guest after the networks were joined" committed_after "$joined" "$guest"
        # What was committed, not when it was looked at, because a look takes a moment, too.
        late=$(($(cycles_after 0 "min(t for c in cycles if (t := c['committedUnixMilliseconds']) > $joined)" "$guest") - joined))
        [ "$late" -le 30000 ] || fail "the first point of $guest came $late ms after the networks were joined; 30 s are allowed."
        echo "   $guest has points again, $late ms after the networks were joined"
    done
    unwatch demo neighbour
    only_deltas_after "$before"
    only_deltas_after "$neighbour_before" neighbour
    all_is_well
}

# tpm: a test failover of the neighbour, whose emulated TPM goes along with it to site A, and leaves no trace there.
tpm_states() { in_container "$1" bash -c 'cat /var/lib/libvirt/swtpm/*/tpm2/tpm2-00.permall 2>/dev/null | base64 --wrap 0' || true; }
# same_tpm STATE STATE: most of what is random in the first is in the other, too. Two TPMs of swtpm 0.7 share a hundredth,
# and counters make two states of one TPM differ.
same_tpm() { python3 -c '
import base64, sys
def random(text):
    data = base64.b64decode(text)
    return {data[i:i + 64] for i in range(len(data) - 63) if len(set(data[i:i + 64])) >= 48}
one, other = map(random, sys.argv[1:])
sys.exit(not one or 2 * len(one & other) < len(one))' "$@"; }
swtpm_runs() { docker top "$(one "$1")" -eo pid,args | grep -E '^ *[0-9]+ +(\S*/)?swtpm socket' >/dev/null; }
tpm() {
    local run
    watch demo neighbour
    swtpm_runs agent-b || fail "no swtpm runs at site B, where a guest with a TPM is."
    [ -z "$(tpm_states agent-a)" ] || fail "points alone should put no TPM at site A."
    run="$(begin failover neighbour --test)"
    await 120 "the test guest to run" test_runs "$run" agent-a
    swtpm_runs agent-a || fail "the test guest at site A has no TPM."
    same_tpm "$(tpm_states agent-b)" "$(tpm_states agent-a)" || fail "the test guest's TPM is not that of the guest."
    over "$(begin cleanup neighbour)"
    [ -z "$(tpm_states agent-a)" ] || fail "the test guest's TPM is left at site A."
    ! swtpm_runs agent-a || fail "the swtpm of the test guest is left at site A."
    unwatch demo neighbour
    all_is_well
}

# fenced AGENT GUEST: it is off there, and will not start by itself.
fenced() { [ "$(libvirt_of "$1" domstate "$2" | head -n 1)" = "shut off" ] && libvirt_of "$1" dominfo "$2" | grep -q 'Autostart: *disable'; }
site() {
    watch neighbour
    kill_all agent-a worker-a
    over "$(begin failover demo --unplanned)"
    libvirt_of agent-b domstate demo | grep -q running || fail "the guest should run at host-b."
    start_all agent-a worker-a
    await 120 "the guest at site A to be shut down" fenced agent-a demo
    libvirt_of agent-b domstate demo | grep -q running || fail "the guest should still run at host-b."
    await_point "$(status_of newestCycle neighbour)" 90 neighbour
    unwatch neighbour
    over "$(begin reverse demo)"
    await 120 "replication back to site A" is_protected demo
    over "$(begin failback demo)"
    await 60 "the guest to run again" part write
    all_is_well
}

# alarm: the guest that comes back is left alone, because the pair says so. That the guest runs at both sites is told of,
# and makes no service ill: whoever starts what is unhealthy anew would end every guest of that site.
status_tells() { [ "$(status_of health)" = critical ] && status_of healthReason | grep "$1"; }
# well_and_tells SERVICE TEXT: what its container is asked, every few seconds, ends with 0, and says TEXT.
well_and_tells() { local said; said="$(in_container "$1" bascule-agent serve --ask-health)" && grep "$2" <<<"$said"; }
alarm() {
    watch neighbour
    bascule pair cloud-a cloud-b --fence alarm >/dev/null
    kill_all agent-a worker-a
    over "$(begin failover demo --unplanned)"
    start_all agent-a worker-a
    await 60 "the status to tell that the guest runs at both sites" status_tells 'host-a runs the guest all the same'
    await 60 "the agent to tell so, and to be well" well_and_tells agent-a 'not the active side'
    libvirt_of agent-a domstate demo | grep -q running || fail "the guest at site A should be left alone."
    over "$(begin cancel demo)"
    unwatch neighbour
    bascule pair cloud-a cloud-b --fence shut-down >/dev/null
    await 120 "demo to be protected again" is_protected demo
    await 60 "the guest to obey" part write
    all_is_well
    ! well_and_tells agent-a 'not the active side' || fail "the agent at site A still tells of a guest that may run."
}

# site-b: the control services and all of site B are killed together, while the guest at site A counts on.
site_b() {
    local before
    watch demo
    before="$(status_of newestCycle)"
    kill_all vault policy orchestrator agent-b worker-b
    sleep 20 # because site A has to bear it for a while, longer than a guest may be without a record
    unwatch demo
    watch demo
    start_all vault policy orchestrator agent-b worker-b
    await_point "$before" 120
    only_deltas_after "$before"
    unwatch demo
    all_is_well
}

# site-b-lost: the same, and site B does not come back for a while: nobody is left to give an order to but the host of the
# neighbour's replica. One command there starts it, and what returns later learns of that.
recover() { in_container agent-a env BASCULE_HYPERVISOR='qemu:///system?socket=/run/bascule-libvirt/libvirt-sock' bascule-agent recover "$@"; }
site_b_lost() {
    local held found
    bascule pair cloud-b cloud-a --policy neighbour --fence shut-down >/dev/null
    watch demo
    kill_all vault policy orchestrator agent-b worker-b
    held="$(recover list --json | python3 -c 'import json, sys
print(next(r["newestCycle"] for r in json.load(sys.stdin)["replicas"] if r["guest"] == "neighbour"))')"
    [ "$held" -gt 0 ] || fail "site A should hold points of the neighbour."
    recover start neighbour
    libvirt_of agent-a domstate neighbour | grep -q running || fail "the neighbour should run at host-a."
    unwatch demo
    start_all vault policy orchestrator agent-b worker-b
    await 90 "the neighbour at site B to be shut down" fenced agent-b neighbour
    libvirt_of agent-a domstate neighbour | grep -q running || fail "the neighbour should still run at host-a."
    found="$(status_of activeSide neighbour)"
    [ "$found" = target ] || fail "host-a should be the neighbour's active side, not $found."
    over "$(begin reverse neighbour)"
    await 120 "replication of the neighbour back to site B" is_protected neighbour
    over "$(begin failback neighbour)"
    all_is_well
}
