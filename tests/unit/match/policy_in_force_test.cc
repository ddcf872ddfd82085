// The policy in force, replaced while checks run.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/match/pipeline.h"
#include "tests/unit/match/pipeline_fixture.h"

namespace vigie {
namespace {

using testing::EntryOf;
using testing::PdqPrint;
using testing::Random;
using testing::Take;

Policy PolicyOf(std::string name, Action at_most) {
  return Take(Policy::Make(
      std::move(name), {{.organisations = {"forum"}, .court_basis = false, .at_most = at_most}}));
}

class PolicyInForce : public testing::PipelineTest {
 protected:
  PolicyInForce() { world_.Submit(flagger_, "known", EntryOf({known_.fingerprint})); }
  Verdict CheckKnown(const Pipeline& pipeline, const CheckOptions& options = From("forum")) {
    return Take(pipeline.CheckFingerprints({&known_, 1}, options));
  }

  Random random_{71};
  const QueryFingerprint known_{PdqPrint(random_.Hash())};
};

TEST_F(PolicyInForce, WeakensTheVerdictsOfTheOrganisationThatItNames) {
  Pipeline checks(world_.catalog(), world_.clock(), {});
  EXPECT_EQ(CheckKnown(checks).policy, "");
  EXPECT_EQ(CheckKnown(checks).action, Action::kProvisionalBlock);
  checks.SetPolicy(PolicyOf("hold", Action::kHoldForReview));
  const Verdict held = CheckKnown(checks);
  EXPECT_EQ(held.policy, "hold");
  EXPECT_EQ(held.action, Action::kHoldForReview);
  EXPECT_EQ(held.basis, Basis::kPolicy);
  const Verdict other = CheckKnown(checks, From("network"));
  EXPECT_EQ(other.policy, "hold");
  EXPECT_EQ(other.action, Action::kProvisionalBlock);
}

TEST_F(PolicyInForce, ARequestMayKeepTheOneThatItBeganWith) {
  Pipeline checks(world_.catalog(), world_.clock(), {});
  CheckOptions options = From("forum");
  options.policy = checks.policy();
  checks.SetPolicy(PolicyOf("hold", Action::kHoldForReview));
  EXPECT_EQ(CheckKnown(checks, options).action, Action::kProvisionalBlock);
  EXPECT_EQ(CheckKnown(checks, options).policy, "");
}

TEST_F(PolicyInForce, WhatItIgnoresIsSetAside) {
  Pipeline checks(world_.catalog(), world_.clock(), {});
  checks.SetPolicy(Take(Policy::Make("none", {{.court_basis = false, .at_most = std::nullopt}})));
  const Verdict verdict = CheckKnown(checks);
  EXPECT_EQ(verdict.outcome, Outcome::kNoMatch);
  EXPECT_EQ(verdict.set_aside.size(), 1U);
}

TEST_F(PolicyInForce, ReplacedWhileChecksRunEveryVerdictIsOfOnePolicy) {
  Pipeline checks(world_.catalog(), world_.clock(), {});
  checks.SetPolicy(PolicyOf("hold", Action::kHoldForReview));
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::atomic<int> held{0};
  std::atomic<int> reported{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop.load()) {
        const Verdict verdict = CheckKnown(checks);
        const bool hold = verdict.policy == "hold";
        const Action action = hold ? Action::kHoldForReview : Action::kReportOnly;
        if (verdict.action != action || (!hold && verdict.policy != "report")) ++wrong;
        ++(hold ? held : reported);
      }
    });
  }
  for (int round = 0; round < 2000 || held.load() < 100 || reported.load() < 100; ++round) {
    checks.SetPolicy(round % 2 == 0 ? PolicyOf("report", Action::kReportOnly)
                                    : PolicyOf("hold", Action::kHoldForReview));
  }
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace vigie
