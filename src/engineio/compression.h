#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct z_stream_s;

/// Content codings of polling answers (RFC 9110 sections 8.4.1 and 12.5.3).
namespace signalbox::engineio {

enum class ContentCoding : std::uint8_t { kIdentity, kGzip, kDeflate };

/// The name in Content-Encoding.
[[nodiscard]] std::string_view to_string(ContentCoding coding);

/// What a client takes.
struct AcceptedCoding {
    ContentCoding preferred = ContentCoding::kIdentity;
    bool refuses_identity = false;  ///< only ever with another preferred
};

/// The best that `accept_encoding` asks for: the highest weight, gzip rather than deflate. Without
/// the header, or with nothing in it that we have: identity.
[[nodiscard]] AcceptedCoding accepted_coding(std::optional<std::string_view> accept_encoding);

/// Compresses whole bodies one after the other.
///
/// Ownership: holds about 260 KB from the first use on.
/// Threading: confined to its shard; a body of 100 KB takes it less than a millisecond.
class BodyCompressor {
public:
    /// @param coding  not kIdentity.
    /// @param bytes_max  of the result.
    /// @return nullopt when it would be longer.
    [[nodiscard]] std::optional<std::string> compress(ContentCoding coding, std::string_view body,
                                                      std::size_t bytes_max);

private:
    struct End {
        void operator()(z_stream_s* stream) const;
    };
    void prepare(ContentCoding coding);

    std::unique_ptr<z_stream_s, End> stream_;
    ContentCoding prepared_ = ContentCoding::kIdentity;  // what stream_ makes
};

}  // namespace signalbox::engineio
