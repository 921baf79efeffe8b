#!/usr/bin/env bash
# What has to hold while and after something was done to the containers; for the scenarios. Sourced, not run.

# shellcheck source=Compose/stage.bash
. Compose/stage.bash

# ---- Cycles ----------------------------------------------------------------------------------------------------------

milliseconds() { date +%s%3N; }
# in_the_open CYCLE BYTES: the cycle after CYCLE is open, and more than BYTES of it are not stored yet.
in_the_open() {
    bascule status demo --json | python3 -c '
import json, sys
status = json.load(sys.stdin)["protections"][0]["status"]
sys.exit(not (status["cycleOpen"] and status["newestCycle"] == int(sys.argv[1]) and status["pendingBytes"] > int(sys.argv[2])))' "$@"
}
protection_of() { bascule history "$1" --last 1 --json | field protection; }
nothing_is_protected() { ! bascule status demo >/dev/null 2>&1; }
is_protected() { [ "$(status_of state "$1")" = protected ]; }

# cycles_after CYCLE EXPRESSION [GUEST]: EXPRESSION of `cycles`, those after CYCLE that were committed.
cycles_after() {
    bascule history "${3:-demo}" --last 100 --json | python3 -c '
import json, sys
cycles = [c for c in json.load(sys.stdin)["cycles"] if c["cycle"] > int(sys.argv[1]) and not c.get("error")]
print(eval(sys.argv[2]))' "$1" "$2"
}
# only_deltas_after CYCLE [GUEST]: no cycle since then sent or compared everything.
only_deltas_after() {
    local kinds
    kinds="$(cycles_after "$1" '" ".join(sorted({c["kind"] for c in cycles}))' "${2:-demo}")"
    [ "$kinds" = incremental ] || fail "cycles of ${2:-demo} after number $1: $kinds; all should be incremental."
}
# When what was killed last was dead; set by kill_all.
killed_at=0
# was_open CYCLE: the cycle after CYCLE, seen open before the kill, had not been committed when the container was dead.
was_open() { [ "$(cycles_after "$1" 'min(c["committedUnixMilliseconds"] for c in cycles)')" -gt "$killed_at" ]; }

# ---- Afterwards ------------------------------------------------------------------------------------------------------

# whole: a point at site B is what the guest's disks held at the instant of its capture, as an independent witness hashed
# them; the guest's records are in it in order, also when its host failed under it; and the guest met no I/O error.
whole() {
    part prove
    part check
}

# leftovers_at AGENT GUEST-AT-HOME PROTECTION-KEPT: what is at that host beyond its guest, with one checkpoint, and the
# one replica that it keeps.
leftovers_at() {
    in_container "$1" find /var/lib/bascule/captures -mindepth 1 ! -name '*.offline'
    in_container "$1" find /var/lib/bascule/replicas -mindepth 1 -maxdepth 1 ! -name "$3"
    # shellcheck disable=SC2016 # the inner shell expands
    in_container "$1" bash -c 'for folder in incoming test failover; do
        [ ! -e "$1/$folder" ] || find "$1/$folder" -mindepth 1; done' bash "/var/lib/bascule/replicas/$3"
    libvirt_of "$1" list --all --name | sed '/^$/d' | grep -vx "$2" || true
    # All of them when there is one too many, because which one it is shows only beside the other.
    libvirt_of "$1" checkpoint-list "$2" --name | sed '/^$/d' | paste -sd ' ' | grep ' ' | sed "s/^/checkpoints of $2 at $1: /" || true
    docker top "$(one "$1")" -eo pid,args | grep -E '^ *[0-9]+ +(\S*/)?(nbdkit|qemu-nbd) ' || true
}
# nothing_left: with no cycle open, each host holds its own guest with one checkpoint, the other's replica with nothing
# uncommitted or started, no capture, and no process but its own.
nothing_left() {
    local found="" guest
    for guest in demo neighbour; do
        # Longer than the agent waits for libvirt to end a capture's job, which takes it up to a minute at worst.
        in_container demo timeout 150 bascule pause "$guest" --wait >/dev/null || fail "$guest did not come to rest within 150 s."
    done
    found+="$(leftovers_at agent-a demo "$(protection_of neighbour)")"
    found+="$(leftovers_at agent-b neighbour "$(protection_of demo)")"
    for guest in demo neighbour; do bascule resume "$guest" >/dev/null; done
    [ -z "$found" ] || fail "left behind: $found"
}

# After every scenario whose guest is at site A in the end.
all_is_well() {
    local guest
    for guest in demo neighbour; do
        await 120 "$guest to be protected again" is_protected "$guest"
        await_point "$(status_of newestCycle "$guest")" 90 "$guest"
    done
    whole
    nothing_left
}
