#include "engine/base/types.h"

#include <algorithm>
#include <span>
#include <utility>

namespace vigie {
namespace {

template <typename Enum>
using Word = std::pair<Enum, std::string_view>;

constexpr Word<Algorithm> kAlgorithms[] = {
    {Algorithm::kPdq, "pdq"},       {Algorithm::kMd5, "md5"},     {Algorithm::kSha1, "sha1"},
    {Algorithm::kSha256, "sha256"}, {Algorithm::kLocal, "local"},
};
constexpr Word<Profile> kProfiles[] = {
    {Profile::kReference, "reference"},
    {Profile::kFull, "full"},
};
constexpr Word<DecodeMode> kDecodeModes[] = {
    {DecodeMode::kExact, "exact"},
    {DecodeMode::kFast, "fast"},
};
constexpr Word<Orientation> kOrientationNames[] = {
    {Orientation::kOriginal, "original"},   {Orientation::kRotate90, "rot90"},
    {Orientation::kRotate180, "rot180"},    {Orientation::kRotate270, "rot270"},
    {Orientation::kFlipX, "flipX"},         {Orientation::kFlipY, "flipY"},
    {Orientation::kFlipPlus1, "flipPlus1"}, {Orientation::kFlipMinus1, "flipMinus1"},
};
constexpr Word<VariantKind> kVariantKinds[] = {
    {VariantKind::kTrimmed, "trimmed"},
    {VariantKind::kBand, "band"},
    {VariantKind::kPanel, "panel"},
    {VariantKind::kMiddle, "middle"},
};
constexpr Word<Effort> kEfforts[] = {
    {Effort::kFast, "fast"},
    {Effort::kThorough, "thorough"},
};
constexpr Word<ListKind> kListKinds[] = {
    {ListKind::kBlock, "block"},
    {ListKind::kAllow, "allow"},
};
constexpr Word<Category> kCategories[] = {
    {Category::kCsam, "csam"},
    {Category::kCsamSynthetic, "csam_synthetic"},
    {Category::kNcii, "ncii"},
    {Category::kNciiSynthetic, "ncii_synthetic"},
    {Category::kNciiThreat, "ncii_threat"},
    {Category::kSourcePhoto, "source_photo"},
    {Category::kOther, "other"},
};
constexpr Word<Action> kActions[] = {
    {Action::kReportOnly, "report_only"},
    {Action::kHoldForReview, "hold_for_review"},
    {Action::kProvisionalBlock, "provisional_block"},
    {Action::kBlock, "block"},
};
constexpr Word<EntryState> kStates[] = {
    {EntryState::kSubmitted, "submitted"}, {EntryState::kProvisional, "provisional"},
    {EntryState::kConfirmed, "confirmed"}, {EntryState::kContested, "contested"},
    {EntryState::kRejected, "rejected"},   {EntryState::kExpired, "expired"},
    {EntryState::kWithdrawn, "withdrawn"}, {EntryState::kRevoked, "revoked"},
    {EntryState::kErased, "erased"},
};
constexpr Word<EntryAction> kEntryActions[] = {
    {EntryAction::kConfirm, "confirm"}, {EntryAction::kReject, "reject"},
    {EntryAction::kContest, "contest"}, {EntryAction::kUphold, "uphold"},
    {EntryAction::kReverse, "reverse"}, {EntryAction::kWithdraw, "withdraw"},
    {EntryAction::kRevoke, "revoke"},   {EntryAction::kRenew, "renew"},
    {EntryAction::kExpire, "expire"},   {EntryAction::kErase, "erase"},
    {EntryAction::kSuspend, "suspend"}, {EntryAction::kResume, "resume"},
};
constexpr Word<Suspension> kSuspensions[] = {
    {Suspension::kNone, "none"},
    {Suspension::kMatchRate, "match_rate"},
    {Suspension::kOperator, "operator"},
    {Suspension::kCleared, "cleared"},
};
constexpr Word<ReasonCode> kReasonCodes[] = {
    {ReasonCode::kNone, "none"},
    {ReasonCode::kIllegalContent, "illegal_content"},
    {ReasonCode::kCourtOrder, "court_order"},
    {ReasonCode::kNotIllegal, "not_illegal"},
    {ReasonCode::kWrongPicture, "wrong_picture"},
    {ReasonCode::kConsentGiven, "consent_given"},
    {ReasonCode::kSubmittedByMistake, "submitted_by_mistake"},
    {ReasonCode::kVictimRequest, "victim_request"},
    {ReasonCode::kInsufficientInformation, "insufficient_information"},
    {ReasonCode::kAbusiveSubmission, "abusive_submission"},
    {ReasonCode::kProceedingsClosed, "proceedings_closed"},
    {ReasonCode::kProceedingsPending, "proceedings_pending"},
    {ReasonCode::kDataProtection, "data_protection"},
    {ReasonCode::kTimeOver, "time_over"},
    {ReasonCode::kOther, "other"},
    {ReasonCode::kTooManyMatches, "too_many_matches"},
    {ReasonCode::kContestUndecided, "contest_undecided"},
};
constexpr Word<EventKind> kEventKinds[] = {
    {EventKind::kGenesis, "genesis"},
    {EventKind::kListCreated, "list_created"},
    {EventKind::kListUpdated, "list_updated"},
    {EventKind::kListDeleted, "list_deleted"},
    {EventKind::kKeyCreated, "key_created"},
    {EventKind::kKeyRevoked, "key_revoked"},
    {EventKind::kEntrySubmitted, "entry_submitted"},
    {EventKind::kOrganisationChanged, "organisation_changed"},
    {EventKind::kKeyEndSet, "key_end_set"},
    {EventKind::kFeedbackTrue, "feedback_true"},
    {EventKind::kFeedbackFalse, "feedback_false"},
    {EventKind::kAllowConflict, "allow_conflict"},
    {EventKind::kLocalAdded, "local_added"},
    {EventKind::kEntryConfirmed, "entry_confirmed"},
    {EventKind::kEntryRejected, "entry_rejected"},
    {EventKind::kEntryContested, "entry_contested"},
    {EventKind::kEntryUpheld, "entry_upheld"},
    {EventKind::kEntryReversed, "entry_reversed"},
    {EventKind::kEntryWithdrawn, "entry_withdrawn"},
    {EventKind::kEntryRevoked, "entry_revoked"},
    {EventKind::kEntryRenewed, "entry_renewed"},
    {EventKind::kEntryExpired, "entry_expired"},
    {EventKind::kEntryErased, "entry_erased"},
    {EventKind::kEntrySuspended, "entry_suspended"},
    {EventKind::kEntryResumed, "entry_resumed"},
    {EventKind::kUploadReported, "upload_reported"},
    {EventKind::kUploadHeld, "upload_held"},
    {EventKind::kUploadProvisionallyBlocked, "upload_provisionally_blocked"},
    {EventKind::kUploadBlocked, "upload_blocked"},
};
constexpr Word<Subject> kSubjects[] = {
    {Subject::kUnknown, "unknown"},
    {Subject::kAdult, "adult"},
    {Subject::kMinor, "minor"},
};
constexpr Word<Credential> kCredentials[] = {
    {Credential::kSecret, "secret"},
    {Credential::kCertificate, "certificate"},
};
constexpr Word<Role> kRoles[] = {
    {Role::kPlatform, "platform"},
    {Role::kVictimService, "victim_service"},
    {Role::kTrustedFlagger, "trusted_flagger"},
    {Role::kAuthority, "authority"},
    {Role::kReviewer, "reviewer"},
    {Role::kAuditor, "auditor"},
    {Role::kOperator, "operator"},
};

constexpr std::span<const Word<Algorithm>> Table(Algorithm) { return kAlgorithms; }
constexpr std::span<const Word<Profile>> Table(Profile) { return kProfiles; }
constexpr std::span<const Word<DecodeMode>> Table(DecodeMode) { return kDecodeModes; }
constexpr std::span<const Word<Orientation>> Table(Orientation) { return kOrientationNames; }
constexpr std::span<const Word<VariantKind>> Table(VariantKind) { return kVariantKinds; }
constexpr std::span<const Word<Effort>> Table(Effort) { return kEfforts; }
constexpr std::span<const Word<ListKind>> Table(ListKind) { return kListKinds; }
constexpr std::span<const Word<Category>> Table(Category) { return kCategories; }
constexpr std::span<const Word<Action>> Table(Action) { return kActions; }
constexpr std::span<const Word<EntryState>> Table(EntryState) { return kStates; }
constexpr std::span<const Word<EntryAction>> Table(EntryAction) { return kEntryActions; }
constexpr std::span<const Word<Suspension>> Table(Suspension) { return kSuspensions; }
constexpr std::span<const Word<ReasonCode>> Table(ReasonCode) { return kReasonCodes; }
constexpr std::span<const Word<EventKind>> Table(EventKind) { return kEventKinds; }
constexpr std::span<const Word<Subject>> Table(Subject) { return kSubjects; }
constexpr std::span<const Word<Credential>> Table(Credential) { return kCredentials; }
constexpr std::span<const Word<Role>> Table(Role) { return kRoles; }

template <typename Enum>
std::string_view NameIn(Enum value) {
  for (const auto& [candidate, name] : Table(value)) {
    if (candidate == value) return name;
  }
  return "invalid";
}

}  // namespace

bool IsName(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !text.empty() && text.size() <= 63 && text.front() >= 'a' && text.front() <= 'z' &&
         text.back() != '-' && std::all_of(text.begin(), text.end(), allowed);
}

std::string_view Name(Algorithm value) { return NameIn(value); }
std::string_view Name(Profile value) { return NameIn(value); }
std::string_view Name(DecodeMode value) { return NameIn(value); }
std::string_view Name(Orientation value) { return NameIn(value); }
std::string_view Name(VariantKind value) { return NameIn(value); }
std::string_view Name(Effort value) { return NameIn(value); }
std::string_view Name(ListKind value) { return NameIn(value); }
std::string_view Name(Category value) { return NameIn(value); }
std::string_view Name(Action value) { return NameIn(value); }
std::string_view Name(EntryState value) { return NameIn(value); }
std::string_view Name(EntryAction value) { return NameIn(value); }
std::string_view Name(Suspension value) { return NameIn(value); }
std::string_view Name(ReasonCode value) { return NameIn(value); }
std::string_view Name(EventKind value) { return NameIn(value); }
std::string_view Name(Subject value) { return NameIn(value); }
std::string_view Name(Credential value) { return NameIn(value); }
std::string_view Name(Role value) { return NameIn(value); }

template <typename Enum>
std::optional<Enum> Parse(std::string_view name) {
  for (const auto& [value, candidate] : Table(Enum{})) {
    if (candidate == name) return value;
  }
  return std::nullopt;
}

template <typename Enum>
std::string Names() {
  std::string joined;
  for (const auto& [value, name] : Table(Enum{})) {
    if (!joined.empty()) joined += ", ";
    joined += name;
  }
  return joined;
}

#define VIGIE_INSTANTIATE(Enum)                               \
  template std::optional<Enum> Parse<Enum>(std::string_view); \
  template std::string Names<Enum>()
VIGIE_INSTANTIATE(Algorithm);
VIGIE_INSTANTIATE(Profile);
VIGIE_INSTANTIATE(DecodeMode);
VIGIE_INSTANTIATE(Orientation);
VIGIE_INSTANTIATE(VariantKind);
VIGIE_INSTANTIATE(Effort);
VIGIE_INSTANTIATE(ListKind);
VIGIE_INSTANTIATE(Category);
VIGIE_INSTANTIATE(Action);
VIGIE_INSTANTIATE(EntryState);
VIGIE_INSTANTIATE(EntryAction);
VIGIE_INSTANTIATE(Suspension);
VIGIE_INSTANTIATE(ReasonCode);
VIGIE_INSTANTIATE(EventKind);
VIGIE_INSTANTIATE(Subject);
VIGIE_INSTANTIATE(Credential);
VIGIE_INSTANTIATE(Role);
#undef VIGIE_INSTANTIATE

}  // namespace vigie
