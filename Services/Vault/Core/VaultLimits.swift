/// Every bound of the vault in one place, with units in the names.
///
/// The collections are bounded because the whole registry is held in memory and travels in one snapshot, which must fit
/// the 16 MiB of one control frame: guests have a budget of 7 MiB, the largest possible protections take 6 MiB, network
/// mappings have a budget of 1 MiB, and everything else stays below 2 MiB.
enum VaultLimits {
    // MARK: Collections

    /// Take-overs of one host. Far more than will ever be made by hand, and far from where counting ends.
    static let maximumIncarnation: UInt64 = 1 << 32

    static let maximumSites = 256
    static let maximumClouds = 512
    static let maximumPairs = 1_024
    static let maximumHosts = 512
    static let maximumGuestsPerHost = 1_024
    static let maximumGuests = 8_192
    /// Of all guests together, as ``Guest/estimatedBytes`` counts them.
    static let maximumGuestBytes = 7 << 20
    static let maximumProtections = 4_096
    /// Guests that an operator took out of automatic protection. Beyond it those that no host has any more go.
    static let maximumExclusions = 8_192
    static let maximumNetworksPerPair = 64
    /// Of all pairs together, as ``NetworkMapping/estimatedBytes`` counts them.
    static let maximumMappingBytes = 1 << 20
    static let maximumDisksPerGuest = 64
    static let maximumFindingsPerGuest = 128
    /// Guests that one answer to `protect_cloud` names as refused, and the findings that one refusal tells.
    static let maximumRefusalsPerReply = 1_000
    static let maximumFindingsPerRefusal = 3

    // MARK: Texts

    /// Sites, clouds, policies and hosts: letters, digits and `-_.`, beginning with a letter or digit.
    static let maximumNameBytes = 64
    /// libvirt lets guests have longer and freer names than ours.
    static let maximumGuestNameBytes = 255
    /// Networks, bridges and host devices, as libvirt and the kernel name them.
    static let maximumNetworkNameBytes = 128
    static let maximumEndpointBytes = 256
    static let maximumVersionBytes = 64
    static let maximumHypervisorBytes = 512
    static let maximumPathBytes = 4_096
    /// What a host's finding says.
    static let maximumSentenceBytes = 1_024
    /// Why a protection is in its state.
    static let maximumReasonBytes = 320
    static let maximumDigestBytes = 64
    /// What an error or the audit repeats of a text that was given.
    static let maximumQuotedScalars = 80

    // MARK: Time

    /// An agent reports every five seconds; three missed reports make a host unreachable.
    static let hostSilenceMilliseconds: UInt64 = 15_000
    /// How often silence is looked for, because it makes no event by itself.
    static let silenceCheckInterval: Duration = .seconds(1)

    // MARK: Generations

    /// What a host may claim, because it is raised further from there. A protection that changed sides every second
    /// would come here in 35,000 years.
    static let maximumReportedGeneration: UInt64 = 1 << 40

    // MARK: Placement

    /// A target host with less free space for replicas is full: a first delta log and its index need about this much.
    static let minimumReplicaFreeBytes: UInt64 = 256 << 20
    /// Free space and memory are published when they moved by more than one part in this many of the whole,
    /// because they change with every report and every event is a synced write.
    static let capacityNoticeParts: UInt64 = 64

    // MARK: History

    /// Older audit entries are removed, because a database must not grow for ever.
    static let maximumAuditEntries: UInt64 = 100_000
    static let maximumAuditEntriesPerReply = 1_000
    /// Published changes kept in the database, for diagnosis only: subscribers recover with a snapshot.
    static let maximumStoredEvents: UInt64 = 10_000
    /// Answers kept so that a command that comes again after a restart is not done again.
    static let maximumStoredOperations: UInt64 = 20_000
    /// Events waiting for the publisher. When it is full the newest are lost to subscribers, who see the gap in the
    /// numbers and take a snapshot.
    static let maximumEventsWaiting = 4_096
    /// Hosts named in one health reply.
    static let maximumHealthDetails = 20
}
