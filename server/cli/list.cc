// vigie list: makes, fills, exports and shows the lists of the caller's organisation.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <deque>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/base/types.h"
#include "server/cli/cli.h"
#include "server/cli/client.h"
#include "server/cli/list_file.h"
#include "server/cli/progress.h"
#include "vigie/v1/lists.grpc.pb.h"

namespace vigie {
namespace {

constexpr int kUploadBatch = 500;
constexpr int kExportPage = 1000;
constexpr uint64_t kMaxErrorsShown = 100;

struct Options {
  ClientOptions client;
  std::string list;
  std::string kind = "block";
  std::string category = "other";
  std::string action;
  std::string display_name;
  int max_distance = -1;
  int provisional_hours = 0;
  std::vector<std::string> audience;
  std::string file;
  std::string format = "jsonl";
  bool dry_run = false;
  bool json = false;
};

std::string NameOf(const std::string& list) {
  return list.starts_with("lists/") ? list : absl::StrCat("lists/", list);
}

void PrintList(const v1::List& list) { std::fputs(ToJson(list, /*pretty=*/true).c_str(), stdout); }

int Create(const Options& options) {
  const auto client = Client::Connect(options.client);
  if (!client.ok()) return Fail(client.status());
  v1::CreateListRequest request;
  request.set_list_id(options.list);
  v1::List& list = *request.mutable_list();
  list.set_kind(options.kind == "allow" ? v1::List::ALLOW : v1::List::BLOCK);
  list.set_category(
      static_cast<v1::Category>(static_cast<int>(Parse<Category>(options.category).value())));
  if (!options.action.empty()) {
    list.set_action(
        static_cast<v1::Action>(static_cast<int>(Parse<Action>(options.action).value())));
  }
  list.set_display_name(options.display_name);
  if (options.max_distance >= 0) list.set_max_distance(options.max_distance);
  list.set_provisional_hours(options.provisional_hours);
  list.mutable_audience()->Assign(options.audience.begin(), options.audience.end());
  v1::List created;
  grpc::ClientContext context;
  client->Prepare(context);
  const absl::Status status = FromGrpc(
      v1::ListService::NewStub(client->channel())->CreateList(&context, request, &created));
  if (!status.ok()) return Fail(status);
  PrintList(created);
  return kExitOk;
}

int Show(const Options& options) {
  const auto client = Client::Connect(options.client);
  if (!client.ok()) return Fail(client.status());
  const auto stub = v1::ListService::NewStub(client->channel());
  if (!options.list.empty()) {
    v1::GetListRequest request;
    request.set_name(NameOf(options.list));
    v1::List list;
    grpc::ClientContext context;
    client->Prepare(context);
    const absl::Status status = FromGrpc(stub->GetList(&context, request, &list));
    if (!status.ok()) return Fail(status);
    PrintList(list);
    return kExitOk;
  }
  v1::ListListsRequest request;
  request.set_page_size(1000);
  do {
    v1::ListListsResponse page;
    grpc::ClientContext context;
    client->Prepare(context);
    const absl::Status status = FromGrpc(stub->ListLists(&context, request, &page));
    if (!status.ok()) return Fail(status);
    for (const v1::List& list : page.lists()) PrintList(list);
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return kExitOk;
}

// One import: a thread that reads the file and sends, this thread that takes the answers.
class Import {
 public:
  Import(const Client& client, const Options& options, std::istream& in, uint64_t file_bytes)
      : parent_(NameOf(options.list)),
        dry_run_(options.dry_run),
        json_(options.json),
        reader_(in),
        progress_(options.dry_run ? "checking bytes" : "importing bytes", file_bytes) {
    client.Prepare(context_, /*endless=*/true);
    stream_ = v1::ListService::NewStub(client.channel())->UploadEntries(&context_);
  }

  int Run() {
    std::thread sender([this] { Send(); });
    v1::UploadEntriesResponse response;
    while (stream_->Read(&response)) Take(response);
    // The stream is over or broken: a sender that is still at it will notice at its next write.
    sender.join();
    const absl::Status status = FromGrpc(stream_->Finish());
    Report();
    if (!status.ok()) {
      const int code = Fail(status);
      std::fprintf(stderr,
                   "vigie: what was acknowledged is kept; import the same file again to go "
                   "on\n");
      return code;
    }
    if (!read_error_.ok()) return Fail(read_error_);
    if (answer_error_.ok() && !sent_.empty()) {
      answer_error_ = absl::InternalError("the server left entries unanswered: import again");
    }
    if (!answer_error_.ok()) return Fail(answer_error_);
    return bad_lines_ == 0 ? kExitOk : kExitSomeFailed;
  }

 private:
  void Send() {
    v1::UploadEntriesRequest request;
    std::vector<uint64_t> lines;
    const auto flush = [&] {
      if (lines.empty()) return true;
      request.set_parent(parent_);
      request.set_validate_only(dry_run_);
      {
        const std::lock_guard lock(mutex_);
        sent_.push_back(std::move(lines));
        bytes_sent_ = reader_.bytes();
      }
      const bool ok = stream_->Write(request);
      request.Clear();
      lines.clear();
      return ok;
    };
    while (true) {
      auto entry = reader_.Next();
      if (!entry.ok()) {
        if (ReasonOf(entry.status()) != "LINE_INVALID") {
          read_error_ = entry.status();
          break;
        }
        const std::lock_guard lock(mutex_);
        BadLine(reader_.line_number(), "LINE_INVALID", MessageOf(entry.status()));
        continue;
      }
      if (!entry->has_value()) break;
      *request.add_entries() = **std::move(entry);
      lines.push_back(reader_.line_number());
      if (request.entries_size() == kUploadBatch && !flush()) return;
    }
    if (flush()) stream_->WritesDone();
  }

  void Take(const v1::UploadEntriesResponse& response) {
    const std::lock_guard lock(mutex_);
    if (sent_.empty() || sent_.front().size() != static_cast<size_t>(response.results_size())) {
      answer_error_ = absl::InternalError("the server answered something that was not asked");
      context_.TryCancel();
      return;
    }
    const std::vector<uint64_t> lines = std::move(sent_.front());
    sent_.pop_front();
    for (int i = 0; i < response.results_size(); ++i) {
      const v1::UploadResult& result = response.results(i);
      if (result.has_problem()) {
        BadLine(lines[static_cast<size_t>(i)], result.problem().reason(),
                absl::StrCat(result.problem().message(), " (", result.problem().reason(), ")"));
      } else if (result.created()) {
        ++created_;
      } else {
        ++existing_;
      }
      for (const v1::Notice& notice : result.notices()) Note(lines[static_cast<size_t>(i)], notice);
    }
    progress_.Update(bytes_sent_);
  }

  // Holds mutex_.
  void BadLine(uint64_t line, const std::string& reason, std::string_view message) {
    ++refused_[reason];
    if (++bad_lines_ > kMaxErrorsShown) return;
    std::fprintf(stderr, "line %llu: %s\n", static_cast<unsigned long long>(line),
                 std::string(message).c_str());
  }

  // Holds mutex_.
  void Note(uint64_t line, const v1::Notice& notice) {
    ++notices_[v1::Notice::Code_Name(notice.code())];
    if (++notices_seen_ > kMaxErrorsShown) return;
    std::fprintf(stderr, "line %llu: notice: %s%s%s\n", static_cast<unsigned long long>(line),
                 notice.message().c_str(), notice.entry().empty() ? "" : ": ",
                 notice.entry().c_str());
  }

  void Report() const {
    if (notices_seen_ > kMaxErrorsShown) {
      std::fprintf(stderr, "... and %llu more notices\n",
                   static_cast<unsigned long long>(notices_seen_ - kMaxErrorsShown));
    }
    if (bad_lines_ > kMaxErrorsShown) {
      std::fprintf(stderr, "... and %llu more bad lines\n",
                   static_cast<unsigned long long>(bad_lines_ - kMaxErrorsShown));
    }
    if (json_) {
      const nlohmann::ordered_json report = {{"dry_run", dry_run_},
                                             {"added", created_},
                                             {"there_before", existing_},
                                             {"refused", refused_},
                                             {"notices", notices_}};
      std::puts(report.dump(2).c_str());
      return;
    }
    std::printf("%llu %s, %llu there before, %llu refused\n",
                static_cast<unsigned long long>(created_), dry_run_ ? "would be added" : "added",
                static_cast<unsigned long long>(existing_),
                static_cast<unsigned long long>(bad_lines_));
    for (const auto& [reason, count] : refused_) {
      if (!dry_run_) break;  // each has been reported
      std::printf("%10llu refused, %s\n", static_cast<unsigned long long>(count), reason.c_str());
    }
    for (const auto& [code, count] : notices_) {
      std::printf("%10llu notices, %s\n", static_cast<unsigned long long>(count), code.c_str());
    }
  }

  const std::string parent_;
  const bool dry_run_;
  const bool json_;
  ListFileReader reader_;
  Progress progress_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::UploadEntriesRequest, v1::UploadEntriesResponse>>
      stream_;
  absl::Status read_error_;
  absl::Status answer_error_;
  std::mutex mutex_;
  std::deque<std::vector<uint64_t>> sent_;  // line numbers of messages not yet answered
  uint64_t bytes_sent_ = 0;
  uint64_t created_ = 0;
  uint64_t existing_ = 0;
  uint64_t bad_lines_ = 0;
  uint64_t notices_seen_ = 0;
  std::map<std::string, uint64_t> refused_;  // by reason
  std::map<std::string, uint64_t> notices_;  // by code
};

int ImportFile(const Options& options) {
  const auto client = Client::Connect(options.client);
  if (!client.ok()) return Fail(client.status());
  if (options.file == "-") return Import(*client, options, std::cin, 0).Run();
  std::ifstream file(options.file);
  struct stat facts {};
  if (!file || stat(options.file.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return Fail(Error(absl::StatusCode::kNotFound, "FILE_UNREADABLE",
                      absl::StrCat("cannot read ", options.file)));
  }
  return Import(*client, options, file, static_cast<uint64_t>(facts.st_size)).Run();
}

ListFormat FormatOf(const std::string& word) {
  if (word == "plain") return ListFormat::kPlain;
  return word == "csv" ? ListFormat::kCsv : ListFormat::kJsonLines;
}

int ExportTo(const Options& options, const Client& client, std::FILE* out) {
  const ListFormat format = FormatOf(options.format);
  const auto stub = v1::ListService::NewStub(client.channel());
  v1::ListEntriesRequest request;
  request.set_parent(NameOf(options.list));
  request.set_page_size(kExportPage);
  request.set_view(v1::WITH_FINGERPRINTS);
  if (const std::string header = HeaderOf(format); !header.empty()) {
    std::fprintf(out, "%s\n", header.c_str());
  }
  uint64_t written = 0;
  uint64_t left_out = 0;
  Progress progress("exporting entries", 0);
  do {
    v1::ListEntriesResponse page;
    grpc::ClientContext context;
    client.Prepare(context);
    const absl::Status status = FromGrpc(stub->ListEntries(&context, request, &page));
    if (!status.ok()) return Fail(status);
    for (const v1::Entry& entry : page.entries()) {
      std::string line;
      if (WriteEntry(entry, format, &line)) {
        std::fprintf(out, "%s\n", line.c_str());
        ++written;
      } else {
        ++left_out;
      }
    }
    progress.Update(written);
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (std::fflush(out) != 0 || std::ferror(out) != 0) {
    return Fail(Error(absl::StatusCode::kDataLoss, "FILE_UNWRITABLE", "writing failed"));
  }
  std::fprintf(stderr, "vigie: %llu entries exported\n", static_cast<unsigned long long>(written));
  if (left_out == 0) return kExitOk;
  std::fprintf(
      stderr,
      "vigie: %llu entries without PDQ, or that no longer act, left out: use --format jsonl\n",
      static_cast<unsigned long long>(left_out));
  return kExitSomeFailed;
}

int Export(const Options& options) {
  const auto client = Client::Connect(options.client);
  if (!client.ok()) return Fail(client.status());
  if (options.file.empty() || options.file == "-") return ExportTo(options, *client, stdout);
  // Written beside the file and put in its place when it is whole: a failed export leaves an
  // earlier one as it was. Devices and pipes are written to as they are.
  struct stat facts {};
  const bool special = stat(options.file.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode);
  const std::string path = special ? options.file : absl::StrCat(options.file, ".partial");
  // Hash values are personal data: nobody else may read the file, from its first byte on.
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  std::FILE* out = descriptor < 0 ? nullptr : fdopen(descriptor, "w");
  const absl::Status unwritable = Error(absl::StatusCode::kPermissionDenied, "FILE_UNWRITABLE",
                                        absl::StrCat("cannot write ", options.file));
  if (out == nullptr || (!special && fchmod(descriptor, 0600) != 0)) return Fail(unwritable);
  const int code = ExportTo(options, *client, out);
  const bool closed = std::fclose(out) == 0;
  if (special) return closed ? code : Fail(unwritable);
  const bool whole = closed && (code == kExitOk || code == kExitSomeFailed);
  if (whole && std::rename(path.c_str(), options.file.c_str()) == 0) return code;
  unlink(path.c_str());
  return code == kExitOk || code == kExitSomeFailed ? Fail(unwritable) : code;
}

void AddCreate(CLI::App& list, const std::shared_ptr<Options>& options, int* exit_code) {
  CLI::App* create = list.add_subcommand("create", "Make a list");
  AddClientOptions(*create, &options->client);
  create->add_option("LIST", options->list, "its id: a-z, 0-9 and '-'")->required();
  create->add_option("--kind", options->kind, "block or allow")
      ->check(CLI::IsMember({"block", "allow"}))
      ->capture_default_str();
  create->add_option("--category", options->category, Names<Category>())
      ->check([](const std::string& word) {
        return Parse<Category>(word) ? "" : "one of: " + Names<Category>();
      })
      ->capture_default_str();
  create->add_option("--action", options->action, "the strongest action its entries may cause")
      ->check(CLI::IsMember({"block", "hold_for_review", "report_only"}));
  create->add_option("--display-name", options->display_name, "for people");
  create->add_option("--max-distance", options->max_distance, "bits; the server's default is 31");
  create->add_option("--provisional-hours", options->provisional_hours,
                     "how long undecided entries act");
  create->add_option("--audience", options->audience,
                     "organisation whose uploads it acts on (may be repeated); default: all");
  create->callback([options, exit_code] { *exit_code = Create(*options); });
}

void AddImport(CLI::App& list, const std::shared_ptr<Options>& options, int* exit_code) {
  CLI::App* import = list.add_subcommand("import", "Upload entries; safe to repeat");
  AddClientOptions(*import, &options->client);
  import->add_option("LIST", options->list, "the list")->required();
  import
      ->add_option("FILE", options->file,
                   "hash[,quality[,filename]] lines, CSV with a header, or JSON lines; - for "
                   "standard input")
      ->required();
  import->add_flag("--dry_run", options->dry_run,
                   "write nothing; report what would be added, and what refused and why");
  import->add_flag("--json", options->json, "print the report as a JSON object");
  import->footer(
      "A bad line is reported and the rest goes on; the exit code is then 1.\n"
      "A quality that is not given counts as 100.");
  import->callback([options, exit_code] { *exit_code = ImportFile(*options);
});
}  // namespace

void AddExport(CLI::App& list, const std::shared_ptr<Options>& options, int* exit_code) {
  CLI::App* command =
      list.add_subcommand("export", "Write the entries of a list, with their hash values");
  AddClientOptions(*command, &options->client);
  command->add_option("LIST", options->list, "the list")->required();
  command->add_option("--out", options->file, "file to write (made readable to you only)");
  command->add_option("--format", options->format, "jsonl, csv or plain")
      ->check(CLI::IsMember({"jsonl", "csv", "plain"}))
      ->capture_default_str();
  command->callback([options, exit_code] { *exit_code = Export(*options); });
}

void AddShow(CLI::App& list, const std::shared_ptr<Options>& options, int* exit_code) {
  CLI::App* show = list.add_subcommand("show", "Print one list, or all of yours, as JSON");
  AddClientOptions(*show, &options->client);
  show->add_option("LIST", options->list, "the list; default: all");
  show->callback([options, exit_code] { *exit_code = Show(*options); });
}

}  // namespace vigie

void AddList(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand("list", "Make, fill, export and show your lists");
  command->require_subcommand(1);
  auto options = std::make_shared<Options>();
  AddCreate(*command, options, exit_code);
  AddImport(*command, options, exit_code);
  AddExport(*command, options, exit_code);
  AddShow(*command, options, exit_code);
}

}  // namespace vigie
