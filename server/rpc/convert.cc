#include "server/rpc/convert.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "server/rpc/convert_values.h"
#include "server/rpc/resource_names.h"
#include "server/rpc/status_map.h"

namespace vigie {
namespace {

// The contract and the engine give the same numbers to the same words, so an enumeration is
// converted by its number; orientations are one higher, because 0 is "unspecified" in messages.
static_assert(static_cast<int>(Algorithm::kLocal) == v1::LOCAL);
static_assert(static_cast<int>(Profile::kFull) == v1::FULL);
static_assert(static_cast<int>(DecodeMode::kFast) == v1::FAST);
static_assert(static_cast<int>(Orientation::kFlipMinus1) + 1 == v1::FLIP_MINUS_1);
static_assert(static_cast<int>(ListKind::kAllow) == v1::List::ALLOW);
static_assert(static_cast<int>(Category::kOther) == v1::OTHER);
static_assert(static_cast<int>(Action::kBlock) == v1::BLOCK);
static_assert(static_cast<int>(EntryState::kErased) == v1::ERASED);
static_assert(static_cast<int>(Subject::kMinor) == v1::MINOR);
static_assert(static_cast<int>(Outcome::kNotScanned) == v1::Verdict::NOT_SCANNED);
static_assert(static_cast<int>(NotScanned::kDecoderFailed) == v1::Verdict::DECODER_FAILED);
static_assert(static_cast<int>(NoticeCode::kDuplicate) == v1::Notice::DUPLICATE);
static_assert(static_cast<int>(Basis::kPartial) == v1::Verdict::PARTIAL_MATCH);
static_assert(static_cast<int>(Effort::kThorough) == v1::Verdict::THOROUGH);
static_assert(static_cast<int>(VariantKind::kMiddle) == v1::Variant::MIDDLE);

// Fields of a list that its owner may choose; those that are unset stay out.
absl::Status ReadSetting(const v1::List& list, std::string_view field, ListSettings* settings) {
  if (field == "display_name") {
    settings->display_name = list.display_name();
  } else if (field == "action") {
    VIGIE_ASSIGN_OR_RETURN(settings->action,
                           EnumOf<Action>(list.action(), Action::kBlock, std::nullopt, "action"));
  } else if (field == "max_distance") {
    if (!list.has_max_distance()) return Invalid("LIST_INVALID", "max_distance has no value");
    settings->max_distance = list.max_distance();
  } else if (field == "provisional_hours") {
    settings->provisional_hours = list.provisional_hours();
  } else if (field == "audience") {
    settings->audience = {list.audience().begin(), list.audience().end()};
  } else if (field == "parts") {
    if (!list.has_parts()) return Invalid("LIST_INVALID", "parts has no value");
    settings->parts = list.parts();
  } else if (field == "local") {
    if (!list.has_local()) return Invalid("LIST_INVALID", "local has no value");
    settings->local = list.local();
  } else {
    return Invalid("FIELD_MASK_INVALID",
                   "update_mask may name display_name, action, max_distance, provisional_hours, "
                   "audience, parts and local");
  }
  return absl::OkStatus();
}

void ToProto(const LocalEvidence& evidence, v1::LocalEvidence* to) {
  to->set_inliers(evidence.inliers);
  to->set_known_share(evidence.known_share);
  to->set_upload_share(evidence.upload_share);
  to->set_mirrored(evidence.mirrored);
  for (const auto& [x, y] : evidence.corners) {
    v1::Point& corner = *to->add_corners();
    corner.set_x(x);
    corner.set_y(y);
  }
}

void ToProto(const Match& match, const Catalog& catalog, v1::Match* to) {
  v1::Match& message = *to;
  message.set_entry(EntryName(match.list_id, catalog.EntryId(match.entry)));
  message.set_list(ListName(match.list_id));
  message.set_category(ProtoOf<v1::Category>(match.category));
  message.set_state(ProtoOf<v1::EntryState>(match.state));
  if (match.kind == ListKind::kBlock) {
    message.set_action(ProtoOf<v1::Action>(match.action));
    message.set_basis(ProtoOf<v1::Verdict::Basis>(match.basis));
  }
  message.set_algorithm(ProtoOf<v1::Algorithm>(match.algorithm));
  message.set_upload_quality(match.upload_quality);
  if (match.local.has_value()) {
    ToProto(*match.local, message.mutable_local());
  } else {
    message.set_distance(match.distance);
    message.set_threshold(match.threshold);
    message.set_orientation(static_cast<v1::Orientation>(static_cast<int>(match.orientation) + 1));
    message.set_entry_quality(match.entry_quality);
    message.set_fingerprint(match.fingerprint);
  }
  if (match.frame.has_value()) message.set_frame(*match.frame);
  if (match.variant.has_value()) {
    v1::Variant& variant = *message.mutable_variant();
    variant.set_kind(ProtoOf<v1::Variant::Kind>(match.variant->kind));
    variant.set_x(match.variant->rectangle.x);
    variant.set_y(match.variant->rectangle.y);
    variant.set_width(match.variant->rectangle.width);
    variant.set_height(match.variant->rectangle.height);
  }
  if (match.expires_us != 0) SetTime(match.expires_us, message.mutable_expire_time());
}

}  // namespace

absl::StatusOr<Profile> FromProto(v1::Profile profile) {
  return EnumOf<Profile>(profile, Profile::kFull, Profile::kReference, "profile");
}

absl::StatusOr<Fingerprint> FromProto(const v1::Fingerprint& message) {
  Fingerprint fingerprint;
  VIGIE_ASSIGN_OR_RETURN(
      fingerprint.algorithm,
      EnumOf<Algorithm>(message.algorithm(), Algorithm::kSha256, std::nullopt, "algorithm"));
  VIGIE_ASSIGN_OR_RETURN(fingerprint.value, ValueFromHex(fingerprint.algorithm, message.hex()));
  VIGIE_ASSIGN_OR_RETURN(fingerprint.profile, FromProto(message.profile()));
  VIGIE_ASSIGN_OR_RETURN(fingerprint.decode_mode,
                         EnumOf<DecodeMode>(message.decode_mode(), DecodeMode::kFast,
                                            DecodeMode::kExact, "decode_mode"));
  fingerprint.quality = message.quality();
  return fingerprint;
}

absl::StatusOr<std::vector<QueryFingerprint>> FromProto(const v1::HashedPicture& message) {
  std::vector<QueryFingerprint> queries;
  queries.reserve(static_cast<size_t>(message.fingerprints_size()));
  for (const v1::Fingerprint& each : message.fingerprints()) {
    QueryFingerprint query;
    VIGIE_ASSIGN_OR_RETURN(query.fingerprint, FromProto(each));
    const int number = each.orientation();
    if (number < 0 || number > v1::FLIP_MINUS_1) {
      return Invalid("ENUM_INVALID", "orientation is not a known value");
    }
    query.orientation = static_cast<Orientation>(number == 0 ? 0 : number - 1);
    queries.push_back(std::move(query));
  }
  return queries;
}

absl::StatusOr<NewList> FromProto(const v1::CreateListRequest& message) {
  const v1::List& list = message.list();
  NewList wanted;
  wanted.id = message.list_id();
  VIGIE_ASSIGN_OR_RETURN(
      wanted.kind, EnumOf<ListKind>(list.kind(), ListKind::kAllow, std::nullopt, "list.kind"));
  std::optional<Category> unset;
  if (wanted.kind == ListKind::kAllow) unset = Category::kOther;
  VIGIE_ASSIGN_OR_RETURN(
      wanted.category, EnumOf<Category>(list.category(), Category::kOther, unset, "list.category"));
  const std::pair<std::string_view, bool> fields[] = {
      {"display_name", !list.display_name().empty()},
      {"action", list.action() != v1::ACTION_UNSPECIFIED},
      {"max_distance", list.has_max_distance()},
      {"provisional_hours", list.provisional_hours() != 0},
      {"audience", !list.audience().empty()},
      {"parts", list.has_parts()},
      {"local", list.has_local()},
  };
  for (const auto& [field, present] : fields) {
    if (present) VIGIE_RETURN_IF_ERROR(ReadSetting(list, field, &wanted.settings));
  }
  return wanted;
}

absl::StatusOr<ListSettings> FromProto(const v1::UpdateListRequest& message) {
  ListSettings settings;
  if (message.update_mask().paths().empty()) {
    return Invalid("FIELD_MASK_INVALID", "update_mask names the fields to change");
  }
  for (const std::string& field : message.update_mask().paths()) {
    VIGIE_RETURN_IF_ERROR(ReadSetting(message.list(), field, &settings));
  }
  return settings;
}

absl::StatusOr<NewEntry> FromProto(const v1::Entry& message) {
  NewEntry entry;
  entry.external_reference = message.external_reference();
  for (const v1::Fingerprint& each : message.fingerprints()) {
    Fingerprint fingerprint;
    VIGIE_ASSIGN_OR_RETURN(fingerprint, FromProto(each));
    entry.fingerprints.push_back(std::move(fingerprint));
  }
  VIGIE_ASSIGN_OR_RETURN(entry.subject, EnumOf<Subject>(message.subject(), Subject::kMinor,
                                                        Subject::kUnknown, "subject"));
  entry.jurisdiction = message.jurisdiction();
  entry.legal_basis = message.legal_basis();
  entry.case_reference = message.case_reference();
  entry.until_decided = message.until_decided();
  entry.local = message.local_fingerprint();
  return entry;
}

absl::StatusOr<CheckOptions> FromProto(const v1::CheckSettings& message) {
  CheckOptions options;
  constexpr int kMaxLists = 1000;  // each is looked for with every picture
  if (message.lists_size() > kMaxLists) {
    return Invalid("OUT_OF_RANGE", absl::StrCat("at most ", kMaxLists, " lists"));
  }
  for (const std::string& name : message.lists()) {
    std::string id;
    VIGIE_ASSIGN_OR_RETURN(id, ListIdOf(name));
    options.lists.push_back(std::move(id));
  }
  if (message.has_max_distance()) options.max_distance = message.max_distance();
  options.min_revision = message.min_revision();
  options.all_orientations = !message.original_orientation_only();
  if (message.max_matches() < 0 || message.max_matches() > 1000) {
    return Invalid("OUT_OF_RANGE", "max_matches is 0 to 1000");
  }
  if (message.effort() != v1::Verdict::EFFORT_UNSPECIFIED) {
    VIGIE_ASSIGN_OR_RETURN(options.effort, EnumOf<Effort>(message.effort(), Effort::kThorough,
                                                          std::nullopt, "effort"));
  }
  if (message.max_matches() > 0) options.max_matches = static_cast<size_t>(message.max_matches());
  return options;
}

absl::StatusOr<bool> WithFingerprints(v1::EntryView view) {
  int known = 0;
  VIGIE_ASSIGN_OR_RETURN(known, EnumOf<int>(view, v1::WITH_FINGERPRINTS, v1::BASIC, "view"));
  return known == v1::WITH_FINGERPRINTS;
}

absl::StatusOr<int> PageSizeOf(int32_t page_size) {
  if (page_size < 0 || page_size > 1000) {
    return Invalid("OUT_OF_RANGE", "page_size is 0 to 1000");
  }
  return page_size == 0 ? 50 : page_size;
}

v1::Fingerprint ToProto(const Fingerprint& fingerprint) {
  v1::Fingerprint message;
  message.set_algorithm(ProtoOf<v1::Algorithm>(fingerprint.algorithm));
  message.set_hex(ToHex(AsBytes(fingerprint.value)));
  if (fingerprint.algorithm == Algorithm::kPdq) {
    message.set_quality(fingerprint.quality);
    message.set_profile(ProtoOf<v1::Profile>(fingerprint.profile));
    message.set_decode_mode(ProtoOf<v1::DecodeMode>(fingerprint.decode_mode));
  }
  return message;
}

v1::List ToProto(const ListRecord& list) {
  v1::List message;
  message.set_name(ListName(list.id));
  message.set_display_name(list.display_name);
  message.set_kind(ProtoOf<v1::List::Kind>(list.kind));
  message.set_category(ProtoOf<v1::Category>(list.category));
  if (list.kind == ListKind::kBlock) {
    message.set_action(ProtoOf<v1::Action>(list.action));
    message.set_provisional_hours(static_cast<int32_t>(list.provisional_hours));
    message.set_parts(list.parts);
    message.set_local(list.local);
  }
  message.set_max_distance(list.max_distance);
  message.mutable_audience()->Assign(list.audience.begin(), list.audience.end());
  message.set_organisation(list.organisation);
  SetTime(list.created_us, message.mutable_create_time());
  SetTime(list.updated_us, message.mutable_update_time());
  return message;
}

void ToProto(const Verdict& verdict, const Catalog& catalog, v1::Verdict* to) {
  v1::Verdict& message = *to;
  message.set_outcome(ProtoOf<v1::Verdict::Outcome>(verdict.outcome));
  if (verdict.outcome == Outcome::kMatch) {
    message.set_action(ProtoOf<v1::Action>(verdict.action));
  }
  if (verdict.outcome == Outcome::kNotScanned) {
    message.set_not_scanned(ProtoOf<v1::Verdict::NotScanned>(verdict.not_scanned));
    message.set_detail(verdict.detail);
  } else {
    message.set_basis(ProtoOf<v1::Verdict::Basis>(verdict.basis));
  }
  for (const Match& match : verdict.matches) ToProto(match, catalog, message.add_matches());
  message.set_total_matches(static_cast<int32_t>(verdict.total_matches));
  if (verdict.allowed_by.has_value()) {
    ToProto(*verdict.allowed_by, catalog, message.mutable_allowed_by());
  }
  message.set_upload_quality(verdict.upload_quality);
  message.set_revision(verdict.revision);
  message.set_frames_decoded(verdict.frames_decoded);
  message.set_frames_looked_up(verdict.frames_looked_up);
  message.set_effort(ProtoOf<v1::Verdict::Effort>(verdict.effort));
  message.set_variants_looked_up(verdict.variants_looked_up);
  message.set_places_looked_up(verdict.places_looked_up);
  message.set_budget_ended(verdict.budget_ended);
  message.set_upload(verdict.upload);
  message.set_policy(verdict.policy);
}

v1::Entry ToProto(const EntryRecord& entry, std::string_view list_id, bool with_fingerprints,
                  const Catalog& catalog) {
  v1::Entry message;
  message.set_name(EntryName(list_id, catalog.EntryId(entry.number)));
  message.set_external_reference(entry.external_reference);
  if (with_fingerprints) {
    for (const Fingerprint& fingerprint : entry.fingerprints) {
      *message.add_fingerprints() = ToProto(fingerprint);
    }
  }
  message.set_state(ProtoOf<v1::EntryState>(entry.state));
  if (entry.expires_us != 0) SetTime(entry.expires_us, message.mutable_expire_time());
  message.set_subject(ProtoOf<v1::Subject>(entry.subject));
  message.set_jurisdiction(entry.jurisdiction);
  message.set_legal_basis(entry.legal_basis);
  message.set_case_reference(entry.case_reference);
  message.set_reason(entry.reason);
  SetTime(entry.created_us, message.mutable_create_time());
  SetTime(entry.updated_us, message.mutable_update_time());
  return message;
}

v1::UploadResult ToProto(const UploadResult& result, std::string_view list_id,
                         const Catalog& catalog) {
  v1::UploadResult message;
  message.set_external_reference(result.entry.external_reference);
  if (!result.status.ok()) {
    *message.mutable_problem() = ToProblem(result.status);
    return message;
  }
  if (result.entry.number != 0) {
    message.set_entry(EntryName(list_id, catalog.EntryId(result.entry.number)));
  }
  for (const Notice& notice : result.notices) {
    v1::Notice& told = *message.add_notices();
    told.set_code(ProtoOf<v1::Notice::Code>(notice.code));
    told.set_message(notice.message);
    if (notice.entry != 0) {
      told.set_entry(EntryName(notice.list_id, catalog.EntryId(notice.entry)));
      told.set_distance(notice.distance);
    }
  }
  message.set_created(result.created);
  message.set_local_added(result.local_added);
  message.set_state(ProtoOf<v1::EntryState>(result.entry.state));
  if (result.entry.expires_us != 0) SetTime(result.entry.expires_us, message.mutable_expire_time());
  return message;
}

}  // namespace vigie
