#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "load/loop.h"
#include "runtime/unique_fd.h"

struct ssl_st;
struct ssl_ctx_st;

namespace signalbox::bench {

/// A client's TLS settings: any certificate is accepted.
struct FreeTlsContext {
    void operator()(ssl_ctx_st* context) const;
};
using TlsContext = std::unique_ptr<ssl_ctx_st, FreeTlsContext>;
[[nodiscard]] TlsContext make_tls_context();

/// A TCP connection to 127.0.0.1, with or without TLS. Reads and writes never block; the TLS
/// handshake runs by itself inside both.
class Stream {
public:
    /// Connects before it returns (loopback needs no waiting). Ends the program when refused.
    /// @param tls  nullptr: plain. Watches the socket on behalf of `watcher`.
    Stream(Loop& loop, runtime::Watcher& watcher, std::uint16_t port, ssl_ctx_st* tls);
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    /// @return what has arrived, in the loop's buffer; empty: nothing yet, or closed().
    [[nodiscard]] std::span<char> read();
    [[nodiscard]] bool closed() const { return closed_; }

    /// Where to append what flush() sends.
    [[nodiscard]] std::string& output() { return output_; }
    /// One send of all output; what the kernel does not take waits for the socket to be writable.
    void flush();
    /// Closing resets the connection: no port is left waiting, however many there were.
    void reset_on_close();

private:
    [[nodiscard]] long write_some(std::string_view bytes);
    [[nodiscard]] long read_some(std::span<char> into);
    void watch(runtime::Interest interest);

    struct FreeSsl {
        void operator()(ssl_st* ssl) const;
    };

    Loop& loop_;
    runtime::Watcher& watcher_;
    runtime::UniqueFd socket_;
    std::unique_ptr<ssl_st, FreeSsl> ssl_;
    std::string output_;
    runtime::Interest interest_ = runtime::Interest::kRead;
    bool closed_ = false;
};

}  // namespace signalbox::bench
