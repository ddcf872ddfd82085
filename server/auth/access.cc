#include "server/auth/access.h"

#include <initializer_list>
#include <span>

#include "absl/strings/str_cat.h"

namespace vigie {
namespace {

constexpr Role kChecking[] = {Role::kPlatform};
constexpr Role kSubmitting[] = {Role::kVictimService, Role::kTrustedFlagger, Role::kAuthority};
// An operator keeps the server's ALLOW lists; the catalogue refuses it BLOCK lists.
constexpr Role kListKeeping[] = {Role::kVictimService, Role::kTrustedFlagger, Role::kAuthority,
                                 Role::kOperator};

constexpr Role kWithdrawing[] = {Role::kVictimService, Role::kTrustedFlagger, Role::kAuthority,
                                 Role::kOperator, Role::kReviewer};
constexpr Role kDeciding[] = {Role::kReviewer, Role::kAuthority};
constexpr Role kContesting[] = {Role::kPlatform, Role::kVictimService, Role::kTrustedFlagger};
constexpr Role kSettling[] = {Role::kReviewer};
constexpr Role kRevoking[] = {Role::kAuthority};
constexpr Role kOperating[] = {Role::kOperator};
constexpr Role kReadingRecords[] = {Role::kVictimService, Role::kTrustedFlagger, Role::kAuthority,
                                    Role::kReviewer,      Role::kAuditor,        Role::kOperator};
constexpr Role kFollowing[] = {Role::kPlatform,  Role::kVictimService, Role::kTrustedFlagger,
                               Role::kAuthority, Role::kReviewer,      Role::kOperator};

constexpr Role kAuditing[] = {Role::kAuditor};
constexpr Role kReadingHeads[] = {Role::kAuditor, Role::kOperator};

struct Rule {
  Method method;
  std::string_view name;
  std::span<const Role> roles;
};

constexpr Rule kRules[] = {
    {Method::kCheckImage, "CheckImage", kChecking},
    {Method::kCheckHashes, "CheckHashes", kChecking},
    {Method::kStreamCheck, "StreamCheck", kChecking},
    {Method::kHashImage, "HashImage", kSubmitting},
    {Method::kCreateList, "CreateList", kListKeeping},
    {Method::kGetList, "GetList", kListKeeping},
    {Method::kListLists, "ListLists", kListKeeping},
    {Method::kUpdateList, "UpdateList", kListKeeping},
    {Method::kDeleteList, "DeleteList", kListKeeping},
    {Method::kUploadEntries, "UploadEntries", kListKeeping},
    {Method::kGetEntry, "GetEntry", kListKeeping},
    {Method::kListEntries, "ListEntries", kListKeeping},
    {Method::kWithdrawEntry, "WithdrawEntry", kWithdrawing},
    {Method::kListReviews, "ListReviews", kDeciding},
    {Method::kConfirmEntry, "ConfirmEntry", kDeciding},
    {Method::kRejectEntry, "RejectEntry", kDeciding},
    {Method::kContestEntry, "ContestEntry", kContesting},
    {Method::kSettleEntry, "SettleEntry", kSettling},
    {Method::kRenewEntry, "RenewEntry", kSubmitting},
    {Method::kRevokeEntry, "RevokeEntry", kRevoking},
    {Method::kEraseEntry, "EraseEntry", kListKeeping},
    {Method::kGetOutcome, "GetOutcome", kFollowing},
    {Method::kSuspendEntry, "SuspendEntry", kOperating},
    {Method::kResumeEntry, "ResumeEntry", kSettling},
    {Method::kGiveFeedback, "GiveFeedback", kChecking},
    {Method::kGetSubmitterRecord, "GetSubmitterRecord", kReadingRecords},
    {Method::kWatch, "Watch", kChecking},
    {Method::kListEvents, "ListEvents", kAuditing},
    {Method::kGetHead, "GetHead", kReadingHeads},
    {Method::kGetCounters, "GetCounters", kAuditing},
};
static_assert(std::size(kRules) == kMethods);

}  // namespace

std::string_view Name(Method method) {
  for (const Rule& rule : kRules) {
    if (rule.method == method) return rule.name;
  }
  return "invalid";
}

absl::Status CheckAccess(Role role, Method method) {
  for (const Rule& rule : kRules) {
    if (rule.method != method) continue;
    for (const Role allowed : rule.roles) {
      if (allowed == role) return absl::OkStatus();
    }
  }
  return Error(
      absl::StatusCode::kPermissionDenied, "ROLE_NOT_ALLOWED",
      absl::StrCat("the role ", ToAbsl(Name(role)), " may not call ", ToAbsl(Name(method))));
}

}  // namespace vigie
