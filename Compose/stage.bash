#!/usr/bin/env bash
# What the demo and the scenarios in containers share: a project of their own, so that a Bascule that somebody runs in
# containers is not touched, and words for what they do to it. Sourced, not run.

# What fails inside "$(…)" ends the script, too: an answer that could not be had is not an empty one.
shopt -s inherit_errexit

export COMPOSE_PROJECT_NAME="${BASCULE_COMPOSE_PROJECT:-bascule-demo}"
# The witness of each guest is called by the agent of its site while a capture is open.
export BASCULE_CAPTURE_HOOK=/var/lib/guests/demo/witness/hook
export BASCULE_CAPTURE_HOOK_B=/var/lib/guests/neighbour/witness/hook
stage_name="${stage_name:-compose}"
stage_folder="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

readonly services=(vault policy orchestrator agent-a agent-b worker-a worker-b)

fail() { printf '%s: %s\n' "$stage_name" "$1" >&2; exit 1; }
say() { printf '\n== %s\n' "$1"; }

# BASCULE_COMPOSER names one where both are there.
if [ -n "${BASCULE_COMPOSER:-}" ]; then read -ra composer <<<"$BASCULE_COMPOSER"
elif docker compose version >/dev/null 2>&1; then composer=(docker compose)
elif command -v docker-compose >/dev/null; then composer=(docker-compose)
else fail "neither docker compose nor docker-compose is installed (Scripts/install-prerequisites compose)."; fi

# It waits for containers to be healthy, which has taken more than 3 minutes on a machine with ten times more to do than cores.
compose() { timeout 400 "${composer[@]}" --file "$stage_folder/compose.yaml" --profile demo "$@" </dev/null; }

# compose_quietly …: the words only when it failed, because a composer tells every step of every container.
compose_quietly() {
    local output
    output="$(compose "$@" 2>&1)" || { printf '%s\n' "$output" >&2; return 1; }
}

# make_images [TARGET…]: from this checkout, as it is; BASCULE_IMAGES_READY=1 takes those that are there.
make_images() {
    [ "${BASCULE_IMAGES_READY:-}" != 1 ] || return 0
    echo "$stage_name: building (the first time takes some minutes)." >&2
    timeout 3600 swift build --configuration "${BASCULE_DEMO_CONFIGURATION:-debug}" >&2
    Scripts/make-images "$@"
}

milliseconds() { date +%s%3N; }

# container SERVICE: identifiers of its containers, running or not. one SERVICE: the first of them.
container() {
    docker ps --all --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" \
        --filter "label=com.docker.compose.service=$1"
}
one() { container "$1" | head -n 1; }

# in_container SERVICE COMMAND…
in_container() {
    local service="$1"
    shift
    timeout "${limit:-300}" docker exec "$(one "$service")" "$@" </dev/null
}
bascule() { in_container demo bascule "$@"; }
part() { bascule demo --part "$@"; }
libvirt_of() { in_container "$1" virsh --quiet --connect 'qemu:///system?socket=/run/bascule-libvirt/libvirt-sock' "${@:2}"; }

# field NAME: its first value in the JSON of standard input.
field() { python3 -c '
import json, sys
def find(value, name):
    if isinstance(value, dict):
        if name in value: return value[name]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            found = find(one, name)
            if found is not None: return found
print(find(json.load(sys.stdin), sys.argv[1]))' "$1"; }
# status_of FIELD [GUEST]
status_of() { bascule status "${2:-demo}" --json | field "$1"; }

# await SECONDS WHAT COMMAND…: until COMMAND succeeds; its errors are for later when it never does.
await() {
    local seconds="$1" what="$2" end
    shift 2
    end=$((SECONDS + seconds))
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || { "$@" || true; fail "waited $seconds s for $what, in vain."; }
        sleep 0.3
    done
}
healthy() { [ "$(docker inspect --format '{{.State.Health.Status}}' "$(one "$1")")" = healthy ]; }
# A check is a process that is started, so on a machine with ten times more to do than cores it takes many seconds.
await_healthy() { local service; for service in "$@"; do await 180 "$service to be healthy" healthy "$service"; done; }
newest_is_over() { local newest; newest="$(status_of newestCycle "${2:-}")" && [ "$newest" != None ] && [ "$newest" -gt "$1" ]; }
# await_point NUMBER SECONDS [GUEST]: until there is a point after NUMBER.
await_point() { await "$2" "a recovery point of ${3:-demo} after number $1" newest_is_over "$1" "${3:-}"; }

# The neighbour of the story's guest: at home at site B, protected towards site A, so that both sites are source and target.
knows_neighbour() { bascule guests --json | grep -q '"neighbour"' && bascule clouds --json | grep -q '"cloud-a"'; }
protect_neighbour() {
    await 60 "the neighbour to be known, and site A" knows_neighbour
    bascule policy set neighbour --frequency 2s >/dev/null
    bascule pair cloud-b cloud-a --policy neighbour >/dev/null
    bascule protect neighbour >/dev/null
    await_point 0 90 neighbour
}

# ---- Guests that have to notice nothing ----

# The longest time without a record that still counts as noticing nothing. A guest that waits for its disk, or stands still
# with its QEMU, waits for longer: the agent alone has 60 s for a capture.
readonly quiet_milliseconds=15000
console_of() { case "$1" in demo | extra-*) echo "/var/lib/guests/$1/console.log" ;; *) echo "/var/lib/guests-b/$1/console.log" ;; esac; }
# last_record GUEST: that it has told of, four times a second and when it powers off; nothing before its first.
last_record() { told_in "$(console_of "$1")"; }
told_in() { in_container demo sed -nE 's/.*guest: (committed |power off: .*, last=)([0-9]+).*/\2/p' "$1" | tail -n 1; }
counts_on() { local last; last="$(last_record "$1")" && [ "${last:-0}" -gt "$2" ]; }
# last_found GUEST: the record that its disks held when it began last.
last_found() { in_container demo sed -n 's/.*guest: ready .*last=\([0-9]*\).*/\1/p' "$(console_of "$1")" | tail -n 1; }
boots_of() { in_container demo sed -n '/guest: ready /p' "$(console_of "$1")" | wc -l; }
booted_after() { [ "$(boots_of "$1")" -gt "$2" ]; }
# What each guest had told of, and how often it had begun, when this was noted.
declare -A told=() boots=()
note_boots() { local guest; for guest in "$@"; do boots[$guest]="$(boots_of "$guest")"; done; }
note_records() {
    local guest
    # One that has just been defined may still boot.
    for guest in "$@"; do await 60 "$guest to tell of a record" counts_on "$guest" 0; done
    note_boots "$@"
    for guest in "$@"; do told[$guest]="$(last_record "$guest")"; done
}
# records_kept GUEST…: it began anew since it was noted, and its disks then held all that it had told of.
records_kept() {
    local guest found
    for guest in "$@"; do
        await 60 "$guest to begin anew" booted_after "$guest" "${boots[$guest]}"
        found="$(last_found "$guest")"
        [ "${told[$guest]:-0}" -gt 0 ] || fail "$guest had told of no record, so none could be missed."
        [ "$found" -ge "${told[$guest]}" ] \
            || fail "$guest had told of record ${told[$guest]}; when it began anew its disks ended at $found."
        echo "   $guest had told of record ${told[$guest]}, and began anew with $found"
    done
}
# watch GUEST…: each at home, from when it counts on: one that still starts has not begun its records.
watch() {
    local guest before
    for guest in "$@"; do
        before="$(last_record "$guest")"
        await 60 "$guest to count" counts_on "$guest" "${before:-0}"
        docker exec --detach "$(one demo)" watch-records "$guest" "$(console_of "$guest")"
        await 10 "somebody to watch $guest" in_container demo test -e "/var/lib/demo/$guest.watching"
    done
}
# unwatch GUEST…: it has to have counted on all the while, without a new boot, an I/O error, or a long time without a record.
unwatch() {
    local guest seen largest records boots errors
    for guest in "$@"; do
        in_container demo touch "/var/lib/demo/$guest.stop"
        await 10 "what was seen of $guest, all the while" in_container demo test -e "/var/lib/demo/$guest.seen"
        seen="$(in_container demo cat "/var/lib/demo/$guest.seen")"
        read -r largest records boots errors <<<"$seen"
        [ "$boots" = 0 ] || fail "$guest was started again meanwhile, $boots times."
        [ "$errors" = 0 ] || fail "$guest met $errors I/O errors."
        [ "$records" -gt 0 ] || fail "$guest wrote no record."
        [ "$largest" -le "$quiet_milliseconds" ] || fail "$guest wrote no record for $largest ms."
        echo "   $guest noticed nothing: the same boot, no I/O error, at most $largest ms without a record"
    done
}

# The services first, and awaited here: the composer gives up the demo at the first look that finds an agent unhealthy, which
# one that starts slowly, on a machine with ten times more to do than cores, is for a while.
bring_up() {
    compose_quietly up --detach "${services[@]}"
    await_healthy "${services[@]}"
    compose_quietly up --detach
}

# stopped_in_time SERVICE: each of its containers ended by itself, and did not have to be killed after 10 s.
stopped_in_time() {
    local identifier code
    for identifier in $(container "$1"); do
        code="$(docker inspect --format '{{.State.ExitCode}}' "$identifier")"
        case "$code" in
            0) ;;
            137) fail "$1 had to be killed after 10 s." ;;
            *) fail "$1 ended with $code." ;;
        esac
    done
}

# walls_hold: each container is what README.md says of it, as the kernel sees it: who it runs as, what root's capabilities
# are at most (a bit each, by <linux/capability.h>), that it gains none, and that nothing can be written beside its volumes.
walls_hold() {
    local service user most seen
    for service in "${services[@]}" demo; do
        # CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETGID, SETUID, SETPCAP; of the demo DAC_OVERRIDE alone
        case "$service" in agent-*) user=0 most=1db ;; demo) user=0 most=2 ;; *) user=10001 most=0 ;; esac
        seen="$(in_container "$service" sed -nE 's/^(Uid|CapBnd|NoNewPrivs):\s*0*([0-9a-f]+)\>.*/\1 \2/p' /proc/1/status | paste -sd ' ')"
        [ "$seen" = "Uid $user CapBnd $most NoNewPrivs 1" ] \
            || fail "$service runs with \"$seen\"; it should be user $user, with capabilities $most at most."
        ! timeout 20 docker exec --user 0 "$(one "$service")" touch /usr/lib/bascule/probe 2>/dev/null || fail "$service can write to its image."
        [ "$(docker inspect --format '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.Privileged}}' "$(one "$service")")" = 'true false' ] \
            || fail "the root file system of $service is not read-only, or it is privileged."
    done
    echo "   Each container runs as its page says: not root but for the agents, which keep 7 capabilities, and the demo, which keeps 1; nothing can be written to an image."
}

# Everything of this project goes, volumes too; nothing of any other.
take_down() { compose_quietly down --volumes --remove-orphans --timeout 10; }
left_behind() {
    docker ps --all --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"
    docker volume ls --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"
    docker network ls --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"
}

# show_logs FOLDER: when something went wrong, the last words of every service, and all of them in FOLDER, before they are
# taken down.
show_logs() {
    local service
    for service in "${services[@]}" demo; do
        printf '\n--- the last words of %s\n' "$service" >&2
        docker logs --tail 15 "$(one "$service")" 2>&1 | cut -c 1-300 >&2 || true
        mkdir -p "$1"
        docker logs --timestamps "$(one "$service")" >"$1/$service.log" 2>&1 || true
    done
    printf '\nAll their words are in %s\n' "$1" >&2
}
