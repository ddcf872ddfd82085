// The words of the design as types: one enumeration per idea, with the text that the database,
// the command line and the logs use for it. The numbers are stored; never renumber.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vigie {

// kLocal: places that stand out in a picture (engine/local). Matches are of it; its values are no
// Fingerprint.
enum class Algorithm : uint8_t { kPdq = 1, kMd5 = 2, kSha1 = 3, kSha256 = 4, kLocal = 5 };

// How a PDQ fingerprint was computed: with the reference's pre-scale to 512x512 or without it.
enum class Profile : uint8_t { kReference = 1, kFull = 2 };

// How the pixels were decoded: in colour as the reference does, or by shortcuts for checks.
enum class DecodeMode : uint8_t { kExact = 1, kFast = 2 };

// The 8 dihedral transforms, in the order of the reference's 8-orientation function.
enum class Orientation : uint8_t {
  kOriginal = 0,
  kRotate90 = 1,
  kRotate180 = 2,
  kRotate270 = 3,
  kFlipX = 4,
  kFlipY = 5,
  kFlipPlus1 = 6,
  kFlipMinus1 = 7,
};
inline constexpr int kOrientations = 8;

// Which part of an upload a fingerprint is of, when it is not of the whole.
enum class VariantKind : uint8_t {
  kTrimmed = 1,  // without the frame around it
  kBand = 2,     // what lies between two edges across the whole: without bands of text
  kPanel = 3,    // a rectangle inside: of a screenshot, of a collage
  kMiddle = 4,   // all but a narrow edge: of a copy that is tilted or shows a little more
};

// How much is done to find known pictures in an upload.
enum class Effort : uint8_t {
  kFast = 1,      // PDQ of the whole
  kThorough = 2,  // and of the parts that may be pictures of their own, and what is alike in places
};

enum class ListKind : uint8_t { kBlock = 1, kAllow = 2 };

enum class Category : uint8_t {
  kCsam = 1,
  kCsamSynthetic = 2,
  kNcii = 3,
  kNciiSynthetic = 4,
  kNciiThreat = 5,
  kSourcePhoto = 6,
  kOther = 7,
};

enum class Outcome : uint8_t { kMatch = 1, kNoMatch = 2, kNotScanned = 3 };

// What a match asks the platform to do, weakest first: comparing two actions compares strength.
enum class Action : uint8_t {
  kReportOnly = 1,
  kHoldForReview = 2,
  kProvisionalBlock = 3,
  kBlock = 4,
};

// The life of an entry (design: "Life of an entry").
enum class EntryState : uint8_t {
  kSubmitted = 1,
  kProvisional = 2,
  kConfirmed = 3,
  kContested = 4,
  kRejected = 5,
  kExpired = 6,
  kWithdrawn = 7,
  kRevoked = 8,
  kErased = 9,
};

// What may be done to an entry; from which state to which: engine/catalog/entry_life.h.
enum class EntryAction : uint8_t {
  kConfirm = 1,
  kReject = 2,
  kContest = 3,
  kUphold = 4,   // settles a contest: the entry was right
  kReverse = 5,  // settles a contest: it was not
  kWithdraw = 6,
  kRevoke = 7,
  kRenew = 8,
  kExpire = 9,
  kErase = 10,
  kSuspend = 11,  // it stays what it is and acts less, until somebody has looked
  kResume = 12,
};

// What holds an entry back beside its state.
enum class Suspension : uint8_t {
  kNone = 0,
  kMatchRate = 1,  // too many different uploads matched: held for review
  kOperator = 2,   // switched off in an emergency: reported only
  kCleared = 3,    // looked at by a human: the match rate suspends it no more
};

// Why somebody acted on an entry. Codes, because events keep them for ever: free text may name
// people.
enum class ReasonCode : uint8_t {
  kNone = 0,
  kIllegalContent = 1,
  kCourtOrder = 2,
  kNotIllegal = 3,
  kWrongPicture = 4,  // it shows something else than was said, or matches what it should not
  kConsentGiven = 5,
  kSubmittedByMistake = 6,
  kVictimRequest = 7,
  kInsufficientInformation = 8,
  kAbusiveSubmission = 9,
  kProceedingsClosed = 10,  // without an offence having been found
  kProceedingsPending = 11,
  kDataProtection = 12,
  kTimeOver = 13,
  kOther = 14,
  kTooManyMatches = 15,
  kContestUndecided = 16,  // its time was over while it was contested
};

// What an event records. The kinds of what was done to an entry are 100 + EntryAction.
enum class EventKind : uint8_t {
  kGenesis = 1,
  kListCreated = 2,
  kListUpdated = 3,
  kListDeleted = 4,
  kKeyCreated = 5,
  kKeyRevoked = 6,
  kEntrySubmitted = 7,
  kOrganisationChanged = 8,
  kKeyEndSet = 9,
  // What a platform says of a match: it was the picture, or it was not.
  kFeedbackTrue = 13,
  kFeedbackFalse = 14,
  kAllowConflict = 15,  // of new entries: an ALLOW list has a picture that they match
  kLocalAdded = 16,     // entries were submitted again and gained their local fingerprints
  kEntryConfirmed = 101,
  kEntryRejected = 102,
  kEntryContested = 103,
  kEntryUpheld = 104,
  kEntryReversed = 105,
  kEntryWithdrawn = 106,
  kEntryRevoked = 107,
  kEntryRenewed = 108,
  kEntryExpired = 109,
  kEntryErased = 110,
  kEntrySuspended = 111,
  kEntryResumed = 112,
  // A verdict that named an entry; these are 200 + Action.
  kUploadReported = 201,
  kUploadHeld = 202,
  kUploadProvisionallyBlocked = 203,
  kUploadBlocked = 204,
};
constexpr EventKind KindOf(Action action) {
  return static_cast<EventKind>(200 + static_cast<uint8_t>(action));
}
constexpr EventKind KindOf(EntryAction action) {
  return static_cast<EventKind>(100 + static_cast<uint8_t>(action));
}

enum class Subject : uint8_t { kUnknown = 1, kAdult = 2, kMinor = 3 };

// What is shown as a key: the text of one that was made here, or a client certificate in TLS.
enum class Credential : uint8_t { kSecret = 1, kCertificate = 2 };

enum class Role : uint8_t {
  kPlatform = 1,
  kVictimService = 2,
  kTrustedFlagger = 3,
  kAuthority = 4,
  kReviewer = 5,
  kAuditor = 6,
  kOperator = 7,
};

// Monotone number of the catalogue's state; every committed change carries the one it made.
using Revision = uint64_t;
// Lists, entries and rows (one fingerprint of one entry) are numbered 1, 2, 3... as they come.
using ListNumber = uint32_t;
using EntryNumber = uint32_t;
using RowId = uint32_t;

// Some of the categories: bit n of the category with number n.
using CategorySet = uint32_t;
inline constexpr CategorySet kAllCategories = UINT32_MAX;
constexpr bool Contains(CategorySet set, Category category) {
  return (set >> static_cast<unsigned>(category) & 1) != 0;
}

// What an organisation may submit as a trusted flagger, and when (workflow: designated by an
// authority). Times in microseconds since 1970; an end of 0 is none.
struct Designation {
  std::string id;  // as the authority wrote it
  CategorySet categories = kAllCategories;
  int64_t from_us = 0;
  int64_t until_us = 0;  // exclusive

  friend bool operator==(const Designation&, const Designation&) = default;
};

// Who calls. Made by whoever checks the credentials; the engine decides by role and organisation.
struct Principal {
  std::string key_id;        // which credential was shown; safe to log
  std::string organisation;  // whose data it is
  Role role = Role::kPlatform;
  // Of its organisation. A trusted flagger without one submits nothing.
  std::optional<Designation> designation = std::nullopt;
  // New entries that its organisation may submit within 24 hours; 0: any number.
  int64_t daily_entries = 0;
  // Pictures whose hashes, and pictures whose bytes, its organisation may have checked a second; 0:
  // what the server allows everybody.
  int64_t checks_per_second = 0;
  int64_t images_per_second = 0;
};

// True for the names of lists and organisations: 1 to 63 characters a-z, 0-9 and '-', beginning
// with a letter, not ending with '-' (AIP-122).
bool IsName(std::string_view text);

// The word for a value ("trusted_flagger"), and the value of a word; nullopt for an unknown word.
std::string_view Name(Algorithm value);
std::string_view Name(Profile value);
std::string_view Name(DecodeMode value);
std::string_view Name(Orientation value);
std::string_view Name(VariantKind value);
std::string_view Name(Effort value);
std::string_view Name(ListKind value);
std::string_view Name(Category value);
std::string_view Name(Action value);
std::string_view Name(EntryState value);
std::string_view Name(EntryAction value);
std::string_view Name(Suspension value);
std::string_view Name(ReasonCode value);
std::string_view Name(EventKind value);
std::string_view Name(Subject value);
std::string_view Name(Credential value);
std::string_view Name(Role value);
template <typename Enum>
std::optional<Enum> Parse(std::string_view name);

// All words of an enumeration, joined with ", ", for messages that say what would be accepted.
template <typename Enum>
std::string Names();

}  // namespace vigie
