#include "server/auth/access.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <set>
#include <string>

namespace vigie {
namespace {

// Who may call what, from the contract's comments ("Role: platform."), not from the table.
const std::map<std::string, std::set<Role>>& Contract() {
  static const std::set<Role> checking = {Role::kPlatform};
  static const std::set<Role> hashing = {Role::kVictimService, Role::kTrustedFlagger,
                                         Role::kAuthority};
  static const std::set<Role> keeping = {Role::kVictimService, Role::kTrustedFlagger,
                                         Role::kAuthority, Role::kOperator};
  static const std::set<Role> withdrawing = {Role::kVictimService, Role::kTrustedFlagger,
                                             Role::kAuthority, Role::kOperator, Role::kReviewer};
  static const std::set<Role> deciding = {Role::kReviewer, Role::kAuthority};
  static const std::set<Role> contesting = {Role::kPlatform, Role::kVictimService,
                                            Role::kTrustedFlagger};
  static const std::set<Role> following = {Role::kPlatform,       Role::kVictimService,
                                           Role::kTrustedFlagger, Role::kAuthority,
                                           Role::kReviewer,       Role::kOperator};
  static const std::set<Role> judging = {Role::kVictimService, Role::kTrustedFlagger,
                                         Role::kAuthority,     Role::kReviewer,
                                         Role::kAuditor,       Role::kOperator};
  static const std::map<std::string, std::set<Role>> contract = {
      {"CheckImage", checking},
      {"CheckHashes", checking},
      {"StreamCheck", checking},
      {"HashImage", hashing},
      {"CreateList", keeping},
      {"GetList", keeping},
      {"ListLists", keeping},
      {"UpdateList", keeping},
      {"DeleteList", keeping},
      {"GetEntry", keeping},
      {"ListEntries", keeping},
      {"WithdrawEntry", withdrawing},
      {"UploadEntries", keeping},
      {"ListReviews", deciding},
      {"ConfirmEntry", deciding},
      {"RejectEntry", deciding},
      {"ContestEntry", contesting},
      {"SettleEntry", {Role::kReviewer}},
      {"RenewEntry", hashing},
      {"RevokeEntry", {Role::kAuthority}},
      {"EraseEntry", keeping},
      {"GetOutcome", following},
      {"SuspendEntry", {Role::kOperator}},
      {"ResumeEntry", {Role::kReviewer}},
      {"GiveFeedback", checking},
      {"Watch", checking},
      {"GetSubmitterRecord", judging},
      {"ListEvents", {Role::kAuditor}},
      {"GetHead", {Role::kAuditor, Role::kOperator}},
      {"GetCounters", {Role::kAuditor}}};
  return contract;
}

TEST(Access, EveryCellOfRoleAndMethodIsAsTheContractSays) {
  int cells = 0;
  std::set<std::string> seen;
  for (int m = 0; m < kMethods; ++m) {
    const auto method = static_cast<Method>(m);
    const std::string name(Name(method));
    ASSERT_TRUE(Contract().contains(name)) << name;
    seen.insert(name);
    for (int r = 1; r <= static_cast<int>(Role::kOperator); ++r) {
      const auto role = static_cast<Role>(r);
      const absl::Status status = CheckAccess(role, method);
      ++cells;
      if (Contract().at(name).contains(role)) {
        EXPECT_TRUE(status.ok()) << Name(role) << ' ' << name;
        continue;
      }
      EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << Name(role) << ' ' << name;
      EXPECT_EQ(ReasonOf(status), "ROLE_NOT_ALLOWED");
    }
  }
  EXPECT_EQ(seen.size(), Contract().size());
  EXPECT_EQ(cells, 7 * kMethods);
  std::printf("%d cells checked\n", cells);
}

// The table as people read it: --gtest_filter=Access.PrintsTheTable.
TEST(Access, PrintsTheTable) {
  int allowed = 0;
  for (int m = 0; m < kMethods; ++m) {
    const auto method = static_cast<Method>(m);
    std::string line(Name(method));
    line.resize(16, ' ');
    for (int r = 1; r <= static_cast<int>(Role::kOperator); ++r) {
      const auto role = static_cast<Role>(r);
      const bool may = CheckAccess(role, method).ok();
      allowed += may ? 1 : 0;
      line += may ? std::string(Name(role)) + ' ' : std::string(Name(role).size(), '-') + ' ';
    }
    std::puts(line.c_str());
  }
  EXPECT_EQ(allowed, 81);
}

TEST(Access, WhatIsNotInTheTableIsDenied) {
  EXPECT_FALSE(CheckAccess(Role::kOperator, static_cast<Method>(kMethods)).ok());
  EXPECT_FALSE(CheckAccess(static_cast<Role>(0), Method::kCheckImage).ok());
  EXPECT_FALSE(CheckAccess(static_cast<Role>(8), Method::kListLists).ok());
}

}  // namespace
}  // namespace vigie
