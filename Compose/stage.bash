#!/usr/bin/env bash
# What the demo and the scenarios in containers share: a project of their own, so that a Bascule that somebody runs in
# containers is not touched, and words for what they do to it. Sourced, not run.

export COMPOSE_PROJECT_NAME="${BASCULE_COMPOSE_PROJECT:-bascule-demo}"
# The witness of the proof is called by the agent of site A while a capture is open.
export BASCULE_CAPTURE_HOOK=/var/lib/guests/demo/witness/hook
stage_name="${stage_name:-compose}"
stage_folder="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

fail() { printf '%s: %s\n' "$stage_name" "$1" >&2; exit 1; }
say() { printf '\n== %s\n' "$1"; }

if docker compose version >/dev/null 2>&1; then composer=(docker compose)
elif command -v docker-compose >/dev/null; then composer=(docker-compose)
else fail "neither docker compose nor docker-compose is installed (Scripts/install-prerequisites compose)."; fi

compose() { timeout 180 "${composer[@]}" --file "$stage_folder/compose.yaml" --profile demo "$@" </dev/null; }

# compose_quietly …: the words only when it failed, because a composer tells every step of every container.
compose_quietly() {
    local output
    output="$(compose "$@" 2>&1)" || { printf '%s\n' "$output" >&2; return 1; }
}

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
part() { bascule demo --part "$1"; }
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
status_of() { bascule status --json | field "$1"; }

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
await_healthy() { local service; for service in "$@"; do await 90 "$service to be healthy" healthy "$service"; done; }
newest_is_over() { local newest; newest="$(status_of newestCycle)" && [ "$newest" != None ] && [ "$newest" -gt "$1" ]; }
await_point() { await "$2" "a recovery point after number $1" newest_is_over "$1"; }

bring_up() {
    compose_quietly up --detach
    await_healthy vault policy orchestrator agent-a agent-b worker-a worker-b
}

# Everything of this project goes, volumes too; nothing of any other.
take_down() { compose_quietly down --volumes --remove-orphans --timeout 10; }
left_behind() {
    docker ps --all --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"
    docker volume ls --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"
    docker network ls --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"
}

# When something went wrong: the last words of every service, before they are taken down.
show_logs() {
    local service
    for service in vault policy orchestrator agent-a agent-b worker-a worker-b demo; do
        printf '\n--- the last words of %s\n' "$service" >&2
        docker logs --tail 15 "$(one "$service")" 2>&1 | cut -c 1-300 >&2 || true
    done
}
