/// Which release this is.
package enum BasculeVersion {
    package static let current = "0.1.0"
}
