#include "base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace signalbox {

std::string Random::id(std::size_t characters) {
    constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out(characters, '\0');
    fill(std::as_writable_bytes(std::span(out)));
    for (char& c : out) c = kAlphabet[static_cast<unsigned char>(c) & 63];
    return out;
}

std::uint64_t Random::below(std::uint64_t bound) {
    SB_CHECK(bound > 0);
    const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    std::uint64_t value = 0;
    do {
        fill(std::as_writable_bytes(std::span(&value, 1)));
    } while (value >= limit);
    return value % bound;
}

void SystemRandom::fill(std::span<std::byte> out) {
    while (!out.empty()) {
        if (used_ == pool_.size()) {
            ssize_t got = 0;
            do {
                got = getrandom(pool_.data(), pool_.size(), 0);
            } while (got < 0 && errno == EINTR);
            SB_CHECK(got == static_cast<ssize_t>(pool_.size()));
            used_ = 0;
        }
        const std::size_t n = std::min(out.size(), pool_.size() - used_);
        std::memcpy(out.data(), pool_.data() + used_, n);
        std::memset(pool_.data() + used_, 0, n);
        used_ += n;
        out = out.subspan(n);
    }
}

void SeededRandom::fill(std::span<std::byte> out) {
    for (std::byte& byte : out) {
        state_ += 0x9e3779b97f4a7c15ULL;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        byte = static_cast<std::byte>((z ^ (z >> 31)) & 0xff);
    }
}

}  // namespace signalbox
