#!/usr/bin/env bash
# Scenarios of Scripts/run-compose-scenarios in which containers are stopped, and not killed. Sourced, not run.

# shellcheck source=Compose/scenarios.bash
. Compose/scenarios.bash

stop() {
    local service began
    note_records demo neighbour
    for service in orchestrator worker-a worker-b policy agent-b agent-a vault; do
        began="$(milliseconds)"
        docker stop --time 10 "$(one "$service")" >/dev/null
        stopped_in_time "$service"
        echo "   $service stopped in $(($(milliseconds) - began)) ms"
    done
    start_all "${services[@]}"
    records_kept demo neighbour
    await 60 "the guest to run again" part write
    all_is_well
}

# stop-seeding: everything is stopped at once in the middle of a seeding, with several guests at site A.
readonly extras=(extra-1 extra-2 extra-3)
add_extras() {
    local guest
    for guest in "${extras[@]}"; do
        # shellcheck disable=SC2016 # the inner shell expands
        in_container demo bash -c '
            folder="/var/lib/guests/$1"
            mkdir -p "$folder"
            cp /var/lib/guests/neighbour/kernel /var/lib/guests/neighbour/initramfs.cpio "$folder/"
            qemu-img create -q -f qcow2 "$folder/vda.qcow2" 32M
            sed -e "s|neighbour|$1|g" -e "s|<uuid>.*|<uuid>$(cat /proc/sys/kernel/random/uuid)</uuid>|" \
                /usr/share/bascule/guest/neighbour/domain.xml >"$folder/domain.xml"' bash "$guest"
        libvirt_of agent-a define "/var/lib/guests/$guest/domain.xml"
        libvirt_of agent-a start "$guest"
    done
    for guest in "${extras[@]}"; do
        await 60 "$guest to write" in_container demo grep -q 'guest: committed' "/var/lib/guests/$guest/console.log"
    done
}
remove_extras() {
    local guest
    for guest in "${extras[@]}"; do
        libvirt_of agent-a destroy "$guest" >/dev/null 2>&1 || true
        libvirt_of agent-a undefine --tpm "$guest"
        in_container demo rm -r "/var/lib/guests/$guest"
    done
}
stop_seeding() {
    local service guest began stopping=()
    add_extras
    seed_anew demo
    part write
    note_records demo neighbour "${extras[@]}"
    in_the_open demo 0 "${middle_bytes[demo]}" || fail "the seeding is over too soon; use more data."
    began="$(milliseconds)"
    for service in "${services[@]}"; do
        (docker stop --time 10 "$(one "$service")" >/dev/null && stopped_in_time "$service" \
            && echo "   $service stopped in $(($(milliseconds) - began)) ms") &
        stopping+=($!)
    done
    for service in "${stopping[@]}"; do wait "$service"; done
    killed_at="$(milliseconds)"
    start_all "${services[@]}"
    await 60 "the guest to run again" part write
    # The extras do not come back with their site, because nobody said that they should.
    for guest in "${extras[@]}"; do libvirt_of agent-a start "$guest"; done
    records_kept demo neighbour "${extras[@]}"
    bascule policy set demo --bandwidth unlimited >/dev/null
    await_point 0 240
    was_open 0 || fail "the seeding was over before anything was stopped."
    remove_extras
    all_is_well
}
