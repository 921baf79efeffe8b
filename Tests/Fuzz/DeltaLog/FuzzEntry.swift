/// libFuzzer calls this with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDeltaLog(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        try DeltaLogFuzzer.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
    } catch {
        preconditionFailure("another error than the decoder's own: \(error)")
    }
    return 0
}
