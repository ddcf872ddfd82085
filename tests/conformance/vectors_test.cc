// Every vector of the shared material, computed by the C++ reference.
#include <gtest/gtest.h>

#include <iostream>
#include <string>

#include "engine/base/simd.h"
#include "engine/hash/pdq.h"
#include "tests/support/hash_case.h"
#include "tests/support/shared.h"

namespace vigie {
namespace {

// True when the single-hash function and the 8-orientation function both give the case's values.
bool IsExact(const testing::HashCase& c, PdqScratch& scratch) {
  const auto picture = testing::PictureOf(c);
  const Profile profile = testing::ProfileOf(c);
  const PdqResult single = ComputePdq(picture.view(), profile, scratch);
  const PdqOrientations all = ComputePdqOrientations(picture.view(), profile, scratch);
  bool exact = single.hash == c.hashes[0] && single.quality == c.quality;
  // A 64x64 picture is filtered by one function and not by the other.
  const size_t first = c.width == 64 && c.height == 64 ? 1 : 0;
  for (size_t o = first; o < c.hashes.size(); ++o) exact = exact && all.hashes[o] == c.hashes[o];
  return exact;
}

TEST(Conformance, EveryVectorIsExact) {
  const auto path = testing::SharedPath("data/pdq_vectors.txt");
  if (!path.has_value()) GTEST_SKIP() << "the shared vectors are not here";
  PdqScratch scratch;
  const auto cases = testing::ReadHashCases(*path);
  for (const std::string& target : SimdTargets()) {
    ASSERT_TRUE(ForceSimdTarget(target).ok());
    size_t exact = 0;
    for (const auto& c : cases) {
      if (IsExact(c, scratch)) {
        ++exact;
      } else {
        ADD_FAILURE() << target << ": " << c.kind << ' ' << c.width << 'x' << c.height << 'x'
                      << c.channels << " seed " << c.seed;
      }
    }
    std::cout << "vectors, " << target << ": " << exact << " of " << cases.size() << " exact\n";
  }
  ASSERT_TRUE(ForceSimdTarget("").ok());
}

}  // namespace
}  // namespace vigie
