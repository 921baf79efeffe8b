#!/usr/bin/env bash
# What has to hold while and after something was done to the containers; for the scenarios. Sourced, not run.

# shellcheck source=Compose/stage.bash
. Compose/stage.bash

# ---- Cycles ----------------------------------------------------------------------------------------------------------

# in_the_open GUEST CYCLE BYTES: the cycle after CYCLE is open, and more than BYTES of it are not stored yet.
in_the_open() {
    bascule status "$1" --json | python3 -c '
import json, sys
status = json.load(sys.stdin)["protections"][0]["status"]
sys.exit(not (status["cycleOpen"] and status["newestCycle"] == int(sys.argv[1]) and status["pendingBytes"] > int(sys.argv[2])))' "${@:2}"
}
protection_of() { bascule history "$1" --last 1 --json | field protection; }
# is_unprotected GUEST: 3 is "not found"; a service that is away is no answer.
is_unprotected() { local code=0; bascule status "$1" >/dev/null 2>&1 || code=$?; [ "$code" = 3 ]; }
is_protected() { [ "$(status_of state "$1")" = protected ]; }

# cycles_after CYCLE EXPRESSION [GUEST]: EXPRESSION of `cycles`, those after CYCLE that were committed.
cycles_after() {
    bascule history "${3:-demo}" --last 100 --json | python3 -c '
import json, sys
cycles = [c for c in json.load(sys.stdin)["cycles"] if c["cycle"] > int(sys.argv[1]) and not c.get("error")]
print(eval(sys.argv[2]))' "$1" "$2"
}
# committed_after MILLISECONDS GUEST: a cycle was committed after that.
committed_after() { [ "$(cycles_after 0 "sum(c['committedUnixMilliseconds'] > $1 for c in cycles)" "$2")" -gt 0 ]; }
# only_deltas_after CYCLE [GUEST]: no cycle since then sent or compared everything.
only_deltas_after() {
    local kinds
    kinds="$(cycles_after "$1" '" ".join(sorted({c["kind"] for c in cycles}))' "${2:-demo}")"
    [ "$kinds" = incremental ] || fail "cycles of ${2:-demo} after number $1: $kinds; all should be incremental."
}
# When what was done last was done: the containers were dead, the networks joined; set by whoever does it.
killed_at=0
# was_open CYCLE [GUEST]: the cycle after CYCLE, seen open before the kill, had not been committed when the container was dead.
was_open() { [ "$(cycles_after "$1" 'min(c["committedUnixMilliseconds"] for c in cycles)' "${2:-demo}")" -gt "$killed_at" ]; }

# ---- Afterwards ------------------------------------------------------------------------------------------------------

# neighbour_is_whole: a point at site A is what the neighbour's disk held at the instant of its capture, as its own witness
# hashed it; read from the replica's directory by nbdkit alone, because views of site A are not to be seen from here.
neighbour_is_whole() {
    local folder=/var/lib/guests-b/neighbour/witness answer try cycle target witnessed protection served
    for ((try = 1; ; try++)); do
        in_container demo rm -f "$folder/answer"
        in_container demo touch "$folder/wanted"
        await 90 "the neighbour's witness" in_container demo test -e "$folder/answer"
        answer="$(in_container demo cat "$folder/answer")"
        read -r cycle target witnessed <<<"$answer"
        await_point $((cycle - 1)) 60 neighbour
        # A capture may still be abandoned; then another one is asked for.
        [ "$(cycles_after $((cycle - 1)) 'min(c["cycle"] for c in cycles)' neighbour)" != "$cycle" ] || break
        [ "$try" -lt 4 ] || fail "no capture of the neighbour became a point, $try times."
    done
    protection="$(protection_of neighbour)"
    # By a shell, because nbdkit ends when whoever started it does, and of what the engine starts that is soon over.
    # shellcheck disable=SC2016 # the inner shells expand
    served="$(in_container agent-a bash -c 'nbdkit --unix - --readonly --exportname "$1" /usr/lib/bascule/libbascule-view-plugin.so \
        "replica=/var/lib/bascule/replicas/$2" "point=$3" --run "nbdcopy \"\$uri\" - | sha256sum | cut -d \" \" -f 1"; exit $?' \
        bash "${target,,}" "$protection" "$cycle")"
    [ "$served" = "$witnessed" ] \
        || fail "point $cycle of the neighbour is $served, and its disk $target was $witnessed at its capture."
    echo "   point $cycle of the neighbour is what its disk held at its capture"
}
# points_around MILLISECONDS: numbers of the points of demo that were captured last before then, and the first three after.
points_around() {
    bascule points demo --json | python3 -c '
import json, sys
points = sorted((p["capturedUnixMilliseconds"], p["cycle"]) for p in json.load(sys.stdin)["points"])
after = [cycle for captured, cycle in points if captured > int(sys.argv[1])]
before = [cycle for captured, cycle in points if captured <= int(sys.argv[1])]
print(*before[-1:], *after[:3])' "$1"
}
# whole: a point at site B is what the guest's disks held at the instant of its capture, as an independent witness hashed
# them; the guest's records are in it in order, also when its host failed under it, and in the points that were made while
# containers were killed, which a comparison afterwards does not mend; and the guest met no I/O error.
whole() {
    local around
    part prove
    around="$(points_around "$killed_at")"
    # shellcheck disable=SC2086 # numbers, one an argument
    part check --points $around
    neighbour_is_whole
}

# leftovers_at AGENT GUEST-AT-HOME PROTECTION-KEPT: what is at that host beyond its guest, with one checkpoint and its bitmap,
# and the one replica that it keeps. Whatever cannot be looked at ends the script.
leftovers_at() {
    local guests checkpoints nodes processes
    in_container "$1" find /var/lib/bascule/captures -mindepth 1 ! -name '*.offline'
    in_container "$1" find /var/lib/bascule/replicas -mindepth 1 -maxdepth 1 ! -name "$3"
    # shellcheck disable=SC2016 # the inner shell expands
    in_container "$1" bash -c 'for folder in incoming test failover; do
        [ ! -e "$1/$folder" ] || find "$1/$folder" -mindepth 1; done' bash "/var/lib/bascule/replicas/$3"
    guests="$(libvirt_of "$1" list --all --name)"
    sed '/^$/d' <<<"$guests" | { grep -vx "$2" || true; }
    # All of them when there is one too many, because which one it is shows only beside the other.
    checkpoints="$(libvirt_of "$1" checkpoint-list "$2" --name | sed '/^$/d' | paste -sd ' ')"
    [[ "$checkpoints" != *' '* ]] || echo "checkpoints of $2 at $1: $checkpoints"
    # An image tells what was stored when it was closed last; of a guest that runs, QEMU knows.
    nodes="$(libvirt_of "$1" qemu-monitor-command "$2" '{"execute": "query-named-block-nodes", "arguments": {"flat": true}}')"
    python3 -c '
import json, sys
for node in json.load(sys.stdin)["return"]:
    for bitmap in node.get("dirty-bitmaps", []):
        if bitmap.get("name") not in sys.argv[1:]: print("bitmap", bitmap.get("name"), "of", node["node-name"])' "$checkpoints" <<<"$nodes"
    processes="$(docker top "$(one "$1")" -eo pid,args)"
    grep -E '^ *[0-9]+ +(\S*/)?(nbdkit|qemu-nbd) ' <<<"$processes" || true
    grep -E '^ *[0-9]+ +(\S*/)?qemu-system' <<<"$processes" | { grep -v "guest=$2," || true; }
    { grep -E '^ *[0-9]+ +(\S*/)?swtpm ' <<<"$processes" || true; } | { grep -v -- "-$2-swtpm" || true; }
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
