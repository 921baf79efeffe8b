/// What an operator says of a test when it is ended.
package enum TestVerdict: Sendable, Equatable {
    /// Nothing: what the guest agent told stays.
    case none
    /// The guest did what it should.
    case verified
    /// It did not, whatever its guest agent told.
    case failed
}
