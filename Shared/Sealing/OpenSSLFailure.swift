internal import COpenSSL

/// The calling thread's OpenSSL error queue. It is thread-local, so it is read in the function that failed.
enum OpenSSLFailure {
    /// Empties the queue and returns its first reason.
    static func take() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return "no reason given" }
        var text = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(code, &text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
