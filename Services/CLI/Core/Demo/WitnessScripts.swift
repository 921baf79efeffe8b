/// The independent witness, as two scripts around stock tools: nothing of ours reads the disks here.
enum WitnessScripts {
    /// `hash URI` prints the SHA-256 of an NBD disk.
    static let hash = """
        #!/bin/bash
        set -euo pipefail
        nbdcopy "$1" - | sha256sum | cut -d ' ' -f 1

        """

    /// The primary's agent runs it each time a capture is open, before anything is copied. It hashes every disk when
    /// `wanted` exists, and leaves the answer beside it. A capture that is given up meanwhile, as on a machine that is too
    /// busy, leaves `wanted`, and the next one is hashed.
    static func hook(folder: String) -> String {
        """
        #!/bin/bash
        set -euo pipefail
        cd '\(folder)'
        [ -e wanted ] || exit 0
        : > answer.draft
        for name in "${!BASCULE_DISK_@}"; do
            echo "$BASCULE_CYCLE ${name#BASCULE_DISK_} $(./hash "${!name}")" >> answer.draft
        done
        rm wanted
        mv answer.draft answer

        """
    }
}
