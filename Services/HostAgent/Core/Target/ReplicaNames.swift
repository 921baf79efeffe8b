package import Replica

// The words of the replica library and of the messages are the same, as they should be; where both meet, these names
// say which side is meant. `Messages.RecoveryPoint` names the wire's; a module that is named like its main type cannot
// be written in front of a name.

package typealias ReplicaPoint = RecoveryPoint
package typealias ReplicaRetention = Retention
package typealias ReplicaSummary = ReplicaDescription
package typealias ReplicaCycleKind = CycleKind
package typealias ReplicaOpenCycle = OpenCycle
