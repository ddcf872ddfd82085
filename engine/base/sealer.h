// Opaque identifiers: a number only this database's key can read or make.
//
// Entries are numbered 1, 2, 3... inside, which would tell every caller how many entries others
// have submitted. Outside, a number is one AES-128 block of (number, first half of
// SHA-256(context)) in base32: nobody can count, guess or forge one, and a token made for one
// context (an entry, a page of this list for this caller) does not open in another.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vigie {

class Sealer {
 public:
  using Key = std::array<uint8_t, 16>;

  explicit Sealer(const Key& key) : key_(key) {}

  // 26 characters of a-z2-7. The same number and context always give the same token.
  std::string Seal(uint64_t number, std::string_view context) const;

  // The number, or nullopt when `token` was not made by this key for this context.
  std::optional<uint64_t> Open(std::string_view token, std::string_view context) const;

 private:
  Key key_;
};

}  // namespace vigie
