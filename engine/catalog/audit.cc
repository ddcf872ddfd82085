#include "engine/catalog/audit.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/store/event_chain.h"

namespace vigie {
namespace {

absl::Status Broken(std::string_view how) {
  return Error(absl::StatusCode::kDataLoss, "CHAIN_BROKEN", how);
}

std::string Message(const HeadRecord& head, const std::array<uint8_t, 32>& database) {
  std::string message = "vigie-head-1";
  message.append(database.begin(), database.end());
  for (const uint64_t number : {head.number, static_cast<uint64_t>(head.time_us)}) {
    for (int shift = 0; shift < 64; shift += 8) {
      message.push_back(static_cast<char>(number >> shift & 0xff));
    }
  }
  message.append(head.digest.begin(), head.digest.end());
  return message;
}

absl::Status CheckHeads(const std::vector<HeadRecord>& heads,
                        const std::array<uint8_t, 32>& database, const PublicKey& key) {
  for (const HeadRecord& head : heads) {
    if (!IsSigned(head, database, key)) {
      return Broken(absl::StrCat("the head of event ", head.number,
                                 " is not signed by this key for this database"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

HeadRecord MakeHead(const SigningKey& key, const std::array<uint8_t, 32>& database,
                    const EventRecord& last, TimeUs now) {
  HeadRecord head{
      .number = last.number, .digest = last.digest, .time_us = now, .public_key = key.public_key()};
  head.signature = key.Sign(AsBytes(Message(head, database)));
  return head;
}

bool IsSigned(const HeadRecord& head, const std::array<uint8_t, 32>& database,
              const PublicKey& key) {
  return head.public_key == key &&
         VerifySignature(key, AsBytes(Message(head, database)), head.signature);
}

absl::StatusOr<HeadSigner> HeadSigner::Open(Store& store, SigningKey key) {
  std::vector<HeadRecord> heads;
  VIGIE_ASSIGN_OR_RETURN(heads, store.ReadHeads());
  return HeadSigner(store, std::move(key), heads.empty() ? HeadRecord() : heads.back());
}

absl::Status HeadSigner::Sign(TimeUs now, bool now_or_never) {
  std::optional<EventRecord> last;
  VIGIE_ASSIGN_OR_RETURN(last, store_->ReadLastEvent());
  if (!last.has_value() || last->number <= last_number_) return absl::OkStatus();
  const bool due = last->number - last_number_ >= kEvents || now - last_us_ >= kPauseUs;
  if (!due && !now_or_never) return absl::OkStatus();
  VIGIE_RETURN_IF_ERROR(store_->InsertHead(MakeHead(key_, store_->id(), *last, now)));
  last_number_ = last->number;
  last_us_ = now;
  return absl::OkStatus();
}

absl::StatusOr<ChainReport> VerifyEvents(Store& store, const PublicKey& key,
                                         const std::optional<HeadRecord>& kept) {
  std::vector<HeadRecord> heads;
  VIGIE_ASSIGN_OR_RETURN(heads, store.ReadHeads());
  if (kept.has_value()) heads.push_back(*kept);
  VIGIE_RETURN_IF_ERROR(CheckHeads(heads, store.id(), key));
  std::sort(heads.begin(), heads.end(),
            [](const HeadRecord& a, const HeadRecord& b) { return a.number < b.number; });
  ChainReport report{.heads = heads.size()};
  auto next = heads.begin();
  VIGIE_RETURN_IF_ERROR(store.ScanEvents(0, [&](const EventRecord& event) -> absl::Status {
    if (event.number != report.events + 1) {
      return Broken(absl::StrCat("event ", report.events + 1, " is missing"));
    }
    if (event.digest != DigestOf(event, report.head)) {
      return Broken(absl::StrCat("event ", event.number,
                                 " is not what was written, or does not follow the one before"));
    }
    report.events = event.number;
    report.head = event.digest;
    for (; next != heads.end() && next->number == event.number; ++next) {
      if (next->digest != event.digest) {
        return Broken(absl::StrCat("event ", event.number, " is not the one that was signed"));
      }
      report.signed_until = event.number;
    }
    return absl::OkStatus();
  }));
  if (next != heads.end()) {
    return Broken(absl::StrCat("events after ", report.events, " are missing: a head of event ",
                               heads.back().number, " was signed"));
  }
  if (report.events == 0) return Broken("there are no events, not even the first");
  return report;
}

}  // namespace vigie
