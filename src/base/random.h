#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace signalbox {

/// Source of random bytes, injected so that tests and the simulator can be repeated.
/// Threading: an instance belongs to one thread.
class Random {
public:
    virtual ~Random() = default;
    virtual void fill(std::span<std::byte> out) = 0;

    /// `characters` of base64url's alphabet, 6 random bits each.
    [[nodiscard]] std::string id(std::size_t characters);
    /// A uniform number below `bound`; bound > 0.
    [[nodiscard]] std::uint64_t below(std::uint64_t bound);
};

/// The kernel's CSPRNG, read in pools of 4 KiB. Aborts when the kernel refuses: there is no safe
/// way to go on.
class SystemRandom final : public Random {
public:
    void fill(std::span<std::byte> out) override;

private:
    std::array<std::byte, 4096> pool_{};
    std::size_t used_ = pool_.size();
};

/// A repeatable sequence (splitmix64) for tests; never for secrets.
class SeededRandom final : public Random {
public:
    explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
    void fill(std::span<std::byte> out) override;

private:
    std::uint64_t state_;
};

}  // namespace signalbox
