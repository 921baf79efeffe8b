// The policy service; see PolicyEngine for what it decides.
