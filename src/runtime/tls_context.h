#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "runtime/transport.h"

namespace signalbox::runtime {

struct TlsFiles {
    std::string certificate_file;  ///< PEM, the server's certificate first, then its chain
    std::string key_file;          ///< PEM, not encrypted
    /// See TicketKeys; empty: keys of this process alone, new ones with each reload.
    std::vector<std::string> ticket_key_files = {};
};

/// What a TLS listener serves with: TLS 1.2 and later, ciphers with forward secrecy and
/// authenticated encryption alone, ALPN http/1.1.
///
/// Threading: any thread.
/// Reload:    connections that are open keep what they began with.
class TlsContext {
public:
    /// @return a sentence that names the file and the cause.
    [[nodiscard]] static std::expected<std::shared_ptr<TlsContext>, std::string> load(
        TlsFiles files);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    /// Reads the files again; on an error the old certificate stays.
    [[nodiscard]] std::expected<void, std::string> reload();

    /// A server's end of TLS on `socket`; nullptr when out of memory.
    [[nodiscard]] std::unique_ptr<Transport> accept(UniqueFd socket);

private:
    class State;
    explicit TlsContext(TlsFiles files);

    const TlsFiles files_;
    std::unique_ptr<State> state_;
};

/// Whether a PEM file has certificate authorities that a client can verify servers with.
/// @return a sentence that names the file and the cause.
[[nodiscard]] std::expected<void, std::string> check_authorities(const std::string& file);

}  // namespace signalbox::runtime
