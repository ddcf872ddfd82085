#include "server/cli/list_import.h"

#include <atomic>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/cli/cli.h"
#include "server/cli/progress.h"
#include "vigie/v1/lists.grpc.pb.h"

namespace vigie {
namespace {

// A message is full with either. A server takes 4 MiB.
constexpr size_t kEntriesAMessage = 500;
constexpr size_t kBytesAMessage = 1 << 20;
constexpr uint64_t kMaxErrorsShown = 100;

// One import: a thread that reads the source and sends, this thread that takes the answers.
class Importer {
 public:
  Importer(EntrySource& source, const Client& client, const ImportOptions& options)
      : source_(source),
        options_(options),
        progress_(absl::StrCat(options.dry_run ? "checking " : "importing ", source.unit()),
                  source.total()) {
    client.Prepare(context_, /*endless=*/true);
    stream_ = v1::ListService::NewStub(client.channel())->UploadEntries(&context_);
  }

  int Run() {
    std::thread sender([this] { Send(); });
    v1::UploadEntriesResponse response;
    while (stream_->Read(&response)) Take(response);
    // The stream is over or broken: a sender that is still at it need not wait for its next write
    // to notice.
    over_ = true;
    sender.join();
    const absl::Status status = FromGrpc(stream_->Finish());
    Report();
    if (!status.ok()) {
      const int code = Fail(status);
      std::fprintf(stderr,
                   "vigie: what was acknowledged is kept; import the same again to go on\n");
      return code;
    }
    if (!read_error_.ok()) return Fail(read_error_);
    if (answer_error_.ok() && !sent_.empty()) {
      answer_error_ = absl::InternalError("the server left entries unanswered: import again");
    }
    if (!answer_error_.ok()) return Fail(answer_error_);
    return bad_items_ == 0 ? kExitOk : kExitSomeFailed;
  }

 private:
  void Send() {
    read_error_ = source_.ForEach([this](ImportItem item) { return Add(std::move(item)); });
    if (!over_ && Flush()) stream_->WritesDone();
  }

  // False: there is nobody to send to any more.
  bool Add(ImportItem item) {
    if (over_) return false;
    {
      const std::lock_guard lock(mutex_);
      progress_.Update(item.done);
      if (!item.entry.ok()) {
        const std::string reason = ReasonOf(item.entry.status());
        Refused(item.place, reason, MessageOf(item.entry.status()));
        return true;
      }
    }
    request_bytes_ += item.entry->ByteSizeLong();
    *request_.add_entries() = *std::move(item.entry);
    places_.push_back(std::move(item.place));
    const bool full = places_.size() == kEntriesAMessage || request_bytes_ >= kBytesAMessage;
    return !full || Flush();
  }

  bool Flush() {
    if (places_.empty()) return true;
    request_.set_parent(options_.parent);
    request_.set_validate_only(options_.dry_run);
    {
      const std::lock_guard lock(mutex_);
      sent_.push_back(std::exchange(places_, {}));
    }
    const bool ok = stream_->Write(request_);
    request_.Clear();
    request_bytes_ = 0;
    return ok;
  }

  void Take(const v1::UploadEntriesResponse& response) {
    const std::lock_guard lock(mutex_);
    if (sent_.empty() || sent_.front().size() != static_cast<size_t>(response.results_size())) {
      answer_error_ = absl::InternalError("the server answered something that was not asked");
      context_.TryCancel();
      return;
    }
    const std::vector<std::string> places = std::move(sent_.front());
    sent_.pop_front();
    for (int i = 0; i < response.results_size(); ++i) {
      const v1::UploadResult& result = response.results(i);
      const std::string& place = places[static_cast<size_t>(i)];
      if (result.has_problem()) {
        Refused(place, result.problem().reason(), result.problem().message());
      } else if (result.created()) {
        ++created_;
      } else {
        ++existing_;
        if (result.local_added()) ++local_added_;
      }
      for (const v1::Notice& notice : result.notices()) Note(place, notice);
    }
  }

  // Holds mutex_.
  void Refused(const std::string& place, const std::string& reason, std::string_view message) {
    ++refused_[reason];
    if (++bad_items_ > kMaxErrorsShown) return;
    // What is wrong with a line is said in words alone.
    const std::string suffix =
        reason.empty() || reason == "LINE_INVALID" ? "" : absl::StrCat(" (", reason, ")");
    progress_.Hide();
    std::fprintf(stderr, "%s: %s%s\n", place.c_str(), std::string(message).c_str(), suffix.c_str());
  }

  // Holds mutex_.
  void Note(const std::string& place, const v1::Notice& notice) {
    ++notices_[v1::Notice::Code_Name(notice.code())];
    if (++notices_seen_ > kMaxErrorsShown) return;
    progress_.Hide();
    std::fprintf(stderr, "%s: notice: %s%s%s\n", place.c_str(), notice.message().c_str(),
                 notice.entry().empty() ? "" : ": ", notice.entry().c_str());
  }

  void Report() {
    progress_.Hide();
    if (notices_seen_ > kMaxErrorsShown) {
      std::fprintf(stderr, "... and %llu more notices\n",
                   static_cast<unsigned long long>(notices_seen_ - kMaxErrorsShown));
    }
    if (bad_items_ > kMaxErrorsShown) {
      std::fprintf(stderr, "... and %llu more refused\n",
                   static_cast<unsigned long long>(bad_items_ - kMaxErrorsShown));
    }
    if (options_.json) {
      const nlohmann::ordered_json report = {
          {"dry_run", options_.dry_run}, {"added", created_},   {"there_before", existing_},
          {"local_added", local_added_}, {"refused", refused_}, {"notices", notices_}};
      std::puts(report.dump(2).c_str());
      return;
    }
    std::printf(
        "%llu %s, %llu there before, %llu refused\n", static_cast<unsigned long long>(created_),
        options_.dry_run ? "would be added" : "added", static_cast<unsigned long long>(existing_),
        static_cast<unsigned long long>(bad_items_));
    if (local_added_ > 0) {
      std::printf("%10llu of those there before %s local fingerprints\n",
                  static_cast<unsigned long long>(local_added_),
                  options_.dry_run ? "would gain" : "gained");
    }
    for (const auto& [reason, count] : refused_) {
      if (!options_.dry_run) break;  // each has been reported
      std::printf("%10llu refused, %s\n", static_cast<unsigned long long>(count), reason.c_str());
    }
    for (const auto& [code, count] : notices_) {
      std::printf("%10llu notices, %s\n", static_cast<unsigned long long>(count), code.c_str());
    }
  }

  EntrySource& source_;
  const ImportOptions options_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::UploadEntriesRequest, v1::UploadEntriesResponse>>
      stream_;
  std::atomic<bool> over_ = false;
  // The sender's.
  v1::UploadEntriesRequest request_;
  size_t request_bytes_ = 0;
  std::vector<std::string> places_;  // of the entries in request_
  absl::Status read_error_;          // read when the sender is done
  absl::Status answer_error_;
  std::mutex mutex_;
  Progress progress_;
  std::deque<std::vector<std::string>> sent_;  // places of messages not yet answered
  uint64_t created_ = 0;
  uint64_t existing_ = 0;
  uint64_t local_added_ = 0;  // of them
  uint64_t bad_items_ = 0;
  uint64_t notices_seen_ = 0;
  std::map<std::string, uint64_t> refused_;  // by reason
  std::map<std::string, uint64_t> notices_;  // by code
};

}  // namespace

absl::Status FileSource::ForEach(const std::function<bool(ImportItem)>& take) {
  while (true) {
    auto entry = reader_.Next();
    if (!entry.ok() && ReasonOf(entry.status()) != "LINE_INVALID") return entry.status();
    if (entry.ok() && !entry->has_value()) return absl::OkStatus();
    ImportItem item{.place = absl::StrCat("line ", reader_.line_number()),
                    .entry = v1::Entry(),
                    .done = reader_.bytes()};
    if (entry.ok()) {
      item.entry = **std::move(entry);
    } else {
      item.entry = entry.status();
    }
    if (!take(std::move(item))) return absl::OkStatus();
  }
}

int ImportFrom(EntrySource& source, const Client& client, const ImportOptions& options) {
  return Importer(source, client, options).Run();
}

}  // namespace vigie
