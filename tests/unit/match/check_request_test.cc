// What a caller may ask for, whose lists are consulted, and checks by hashes only.
#include <gmock/gmock.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/match/pipeline.h"
#include "tests/unit/match/pipeline_fixture.h"

namespace vigie {
namespace {

using ::testing::ElementsAre;
using testing::Encode;
using testing::EntryOf;
using ::testing::IsEmpty;
using testing::Md5Print;
using testing::PdqPrint;
using testing::Random;
using testing::Sha256Print;
using ::testing::SizeIs;
using testing::Take;

class CheckRequest : public testing::PipelineTest {
 protected:
  Verdict CheckHash(const Pdq256& hash, const CheckOptions& options = From("forum"),
                    int quality = 90) {
    const QueryFingerprint query{PdqPrint(hash, quality)};
    return Take(pipeline().CheckFingerprints({&query, 1}, options));
  }
  std::string Refusal(const CheckOptions& options) {
    const QueryFingerprint query{PdqPrint(random_.Hash())};
    const std::string by_hash =
        ReasonOf(pipeline().CheckFingerprints({&query, 1}, options).status());
    const std::string by_image = ReasonOf(pipeline().CheckImage(original_, options).status());
    EXPECT_EQ(by_hash, by_image);
    return by_hash;
  }

  Random random_{61};
};

TEST_F(CheckRequest, OnlyListsWhoseAudienceIncludesTheCallerAreConsulted) {
  world_.MakeList(flagger_, "narrow", ListKind::kBlock, {.audience = {{"forum", "network"}}});
  const Pdq256 hash = random_.Hash();
  world_.Submit(flagger_, "narrow", EntryOf({PdqPrint(hash), Sha256Print("x")}));
  const QueryFingerprint digest{Sha256Print("x")};
  for (const char* organisation : {"forum", "network", "org-a"}) {
    EXPECT_EQ(CheckHash(hash, From(organisation)).outcome, Outcome::kMatch) << organisation;
  }
  EXPECT_EQ(CheckHash(hash, From("stranger")).outcome, Outcome::kNoMatch);
  EXPECT_EQ(Take(pipeline().CheckFingerprints({&digest, 1}, From("stranger"))).outcome,
            Outcome::kNoMatch);
  EXPECT_EQ(Take(pipeline().CheckFingerprints({&digest, 1}, From("forum"))).outcome,
            Outcome::kMatch);
  ASSERT_TRUE(world_.catalog()
                  .UpdateList(flagger_, "narrow", {.audience = std::vector<std::string>()})
                  .ok());
  EXPECT_EQ(CheckHash(hash, From("stranger")).outcome, Outcome::kMatch);
}

TEST_F(CheckRequest, ARequestMayNarrowTheLists) {
  world_.MakeList(flagger_, "second");
  const Pdq256 hash = random_.Hash();
  world_.Submit(flagger_, "known", EntryOf({PdqPrint(hash)}));
  CheckOptions options = From("forum");
  options.lists = {"second"};
  EXPECT_EQ(CheckHash(hash, options).outcome, Outcome::kNoMatch);
  options.lists = {"second", "known"};
  EXPECT_EQ(CheckHash(hash, options).outcome, Outcome::kMatch);
}

TEST_F(CheckRequest, AListThatDoesNotActForTheCallerIsNotFound) {
  world_.MakeList(flagger_, "narrow", ListKind::kBlock, {.audience = {{"network"}}});
  world_.MakeList(flagger_, "gone");
  ASSERT_TRUE(world_.catalog().DeleteList(flagger_, "gone", true).ok());
  CheckOptions options = From("forum");
  for (const char* list : {"none", "narrow", "gone"}) {
    options.lists = {"known", list};
    EXPECT_EQ(Refusal(options), "LIST_NOT_FOUND") << list;
  }
}

TEST_F(CheckRequest, ARequestMayBeStricterThanTheListNeverWider) {
  ASSERT_TRUE(world_.catalog().UpdateList(flagger_, "known", {.max_distance = 20}).ok());
  const Pdq256 hash = random_.Hash();
  world_.Submit(flagger_, "known", EntryOf({PdqPrint(hash)}));
  CheckOptions options = From("forum");
  const auto outcome = [&](int distance) {
    return CheckHash(random_.Near(hash, distance), options).outcome;
  };
  EXPECT_EQ(outcome(20), Outcome::kMatch);
  EXPECT_EQ(outcome(21), Outcome::kNoMatch);
  options.max_distance = 47;
  EXPECT_EQ(outcome(20), Outcome::kMatch);
  EXPECT_EQ(outcome(21), Outcome::kNoMatch);
  options.max_distance = 8;
  EXPECT_EQ(outcome(8), Outcome::kMatch);
  EXPECT_EQ(outcome(9), Outcome::kNoMatch);
  EXPECT_EQ(CheckHash(hash, options).matches.at(0).threshold, 8);
  options.max_distance = 0;
  EXPECT_EQ(outcome(0), Outcome::kMatch);
  EXPECT_EQ(outcome(1), Outcome::kNoMatch);
}

TEST_F(CheckRequest, EachListIsJudgedByItsOwnDistance) {
  world_.MakeList(flagger_, "strict", ListKind::kBlock, {.max_distance = 5});
  const Pdq256 hash = random_.Hash();
  const EntryRecord wide = world_.Submit(flagger_, "known", EntryOf({PdqPrint(hash)}));
  world_.Submit(flagger_, "strict", EntryOf({PdqPrint(hash)}));
  const Verdict verdict = CheckHash(random_.Near(hash, 6));
  ASSERT_THAT(verdict.matches, SizeIs(1));
  EXPECT_EQ(verdict.matches[0].entry, wide.number);
  EXPECT_EQ(CheckHash(random_.Near(hash, 5)).total_matches, 2U);
}

TEST_F(CheckRequest, ADistanceOutsideTheLimitsIsInvalid) {
  CheckOptions options = From("forum");
  for (const int distance : {-1, kMaxDistanceLimit + 1}) {
    options.max_distance = distance;
    EXPECT_EQ(Refusal(options), "MAX_DISTANCE_INVALID");
  }
}

TEST_F(CheckRequest, ARevisionNotYetReachedIsTryAgain) {
  CheckOptions options = From("forum");
  options.min_revision = world_.catalog().revision();
  EXPECT_EQ(Refusal(options), "");
  options.min_revision += 1;
  EXPECT_EQ(Refusal(options), "REVISION_NOT_REACHED");
  const EntryRecord entry = world_.Submit(flagger_, "known", EntryOf({PdqPrint(random_.Hash())}));
  EXPECT_EQ(entry.revision, options.min_revision);
  EXPECT_EQ(Refusal(options), "");
  EXPECT_GE(CheckHash(PdqOf(entry.fingerprints[0]), options).revision, entry.revision);
}

TEST_F(CheckRequest, CapListsTheNearestAndCountsAll) {
  const Pdq256 hash = random_.Hash();
  std::vector<EntryNumber> numbers;
  for (int distance = 0; distance < 6; ++distance) {
    numbers.push_back(
        world_.Submit(flagger_, "known", EntryOf({PdqPrint(random_.Near(hash, distance))})).number);
  }
  CheckOptions options = From("forum");
  options.max_matches = 2;
  const Verdict verdict = CheckHash(hash, options);
  EXPECT_EQ(verdict.total_matches, 6U);
  ASSERT_THAT(verdict.matches, SizeIs(2));
  EXPECT_EQ(verdict.matches[0].entry, numbers[0]);
  EXPECT_EQ(verdict.matches[1].entry, numbers[1]);
}

TEST_F(CheckRequest, HashesOnlyMatchAtTheBorderAndKeepTheirOrientation) {
  const Pdq256 hash = random_.Hash();
  world_.Submit(flagger_, "known", EntryOf({PdqPrint(hash, 80)}));
  EXPECT_EQ(CheckHash(random_.Near(hash, 31)).outcome, Outcome::kMatch);
  EXPECT_EQ(CheckHash(random_.Near(hash, 32)).outcome, Outcome::kNoMatch);
  const std::vector<QueryFingerprint> queries = {
      {PdqPrint(random_.Hash(), 70), Orientation::kOriginal},
      {PdqPrint(random_.Near(hash, 3), 70), Orientation::kFlipX}};
  const Verdict verdict = Take(pipeline().CheckFingerprints(queries, From("forum")));
  ASSERT_THAT(verdict.matches, SizeIs(1));
  EXPECT_EQ(verdict.matches[0].orientation, Orientation::kFlipX);
  EXPECT_EQ(verdict.matches[0].distance, 3);
  EXPECT_EQ(verdict.matches[0].upload_quality, 70);
  EXPECT_EQ(verdict.matches[0].entry_quality, 80);
}

TEST_F(CheckRequest, AnEntryIsListedOnceByItsNearestFingerprint) {
  const Pdq256 hash = random_.Hash();
  world_.Submit(flagger_, "known",
                EntryOf({PdqPrint(random_.Near(hash, 9)), PdqPrint(random_.Near(hash, 2))}));
  const Verdict verdict = CheckHash(hash);
  EXPECT_EQ(verdict.total_matches, 1U);
  ASSERT_THAT(verdict.matches, SizeIs(1));
  EXPECT_EQ(verdict.matches[0].fingerprint, 1);
  EXPECT_EQ(verdict.matches[0].distance, 2);
}

TEST_F(CheckRequest, HashesOfLowQualityAreFeaturelessUnlessADigestMatches) {
  const Pdq256 hash = random_.Hash();
  world_.Submit(flagger_, "known", EntryOf({PdqPrint(hash), Md5Print("x")}));
  const Verdict verdict = CheckHash(hash, From("forum"), 49);
  EXPECT_EQ(verdict.outcome, Outcome::kNotScanned);
  EXPECT_EQ(verdict.not_scanned, NotScanned::kFeatureless);
  EXPECT_EQ(CheckHash(hash, From("forum"), 50).outcome, Outcome::kMatch);
  const std::vector<QueryFingerprint> both = {{PdqPrint(hash, 0)}, {Md5Print("x")}};
  EXPECT_EQ(Take(pipeline().CheckFingerprints(both, From("forum"))).outcome, Outcome::kMatch);
  const QueryFingerprint digest{Md5Print("y")};
  EXPECT_EQ(Take(pipeline().CheckFingerprints({&digest, 1}, From("forum"))).outcome,
            Outcome::kNoMatch)
      << "digests alone are answered for what they are";
}

TEST_F(CheckRequest, ManyThreadsCheckWhileAFlaggerUploads) {
  Know(original_);
  std::vector<Pdq256> hashes;
  for (int i = 0; i < 60; ++i) hashes.push_back(random_.Hash());
  std::atomic<size_t> submitted{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> checkers;
  for (int t = 0; t < 3; ++t) {
    checkers.emplace_back([&, t] {
      const Pipeline own = pipeline();
      for (int i = 0; i < 15; ++i) {
        const auto image = own.CheckImage(t == 0 ? original_ : innocent_, From("forum"));
        const Outcome expected = t == 0 ? Outcome::kMatch : Outcome::kNoMatch;
        if (!image.ok() || image->outcome != expected) ++wrong;
        const size_t known = submitted.load();
        if (known == 0) continue;
        const QueryFingerprint query{PdqPrint(hashes[known - 1])};
        const auto hash = own.CheckFingerprints({&query, 1}, From("forum"));
        if (!hash.ok() || hash->outcome != Outcome::kMatch) ++wrong;
      }
    });
  }
  for (const Pdq256& hash : hashes) {
    world_.Submit(flagger_, "known", EntryOf({PdqPrint(hash)}));
    ++submitted;
  }
  for (auto& checker : checkers) checker.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(CheckRequest, MalformedHashesAreErrors) {
  const auto reason = [&](std::vector<QueryFingerprint> queries) {
    return ReasonOf(pipeline().CheckFingerprints(queries, From("forum")).status());
  };
  Fingerprint cut = PdqPrint(random_.Hash());
  cut.value.pop_back();
  const QueryFingerprint good{PdqPrint(random_.Hash())};
  EXPECT_EQ(reason({}), "HASH_MALFORMED");
  EXPECT_EQ(reason({good, {cut}}), "HASH_MALFORMED");
  EXPECT_EQ(reason({{PdqPrint(random_.Hash(), 101)}}), "HASH_MALFORMED");
  EXPECT_EQ(reason(std::vector<QueryFingerprint>(kMaxFingerprints, good)), "");
  EXPECT_EQ(reason(std::vector<QueryFingerprint>(kMaxFingerprints + 1, good)), "HASH_MALFORMED");
}

TEST_F(CheckRequest, HashIsWhatASubmissionNeeds) {
  const auto prints = Take(pipeline().Hash(original_, Profile::kReference, false)).fingerprints;
  ASSERT_THAT(prints, SizeIs(3));
  EXPECT_EQ(prints[0].algorithm, Algorithm::kPdq);
  EXPECT_EQ(prints[0].decode_mode, DecodeMode::kExact);
  EXPECT_EQ(prints[1], Sha256Print(testing::AsText(original_)));
  EXPECT_EQ(prints[2], Md5Print(testing::AsText(original_)));
  world_.Submit(flagger_, "known", EntryOf(prints));
  EXPECT_EQ(Check(original_).outcome, Outcome::kMatch);
}

TEST_F(CheckRequest, HashRefusesWhatCannotBeReadWhole) {
  const auto reason = [&](const testing::Encoded& bytes) {
    return ReasonOf(pipeline().Hash(bytes, Profile::kReference, false).status());
  };
  testing::Encoded cut = original_;
  cut.resize(cut.size() / 2);
  EXPECT_EQ(reason(cut), "IMAGE_CORRUPT");
  EXPECT_EQ(reason({}), "IMAGE_CORRUPT");
  EXPECT_EQ(reason(testing::Encoded(100, 'x')), "UNSUPPORTED_FORMAT");
}

}  // namespace
}  // namespace vigie
