// vigie list: makes, changes, fills, exports and shows the lists of the caller's organisation.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/types.h"
#include "server/cli/cli.h"
#include "server/cli/client.h"
#include "server/cli/list_file.h"
#include "server/cli/list_folder.h"
#include "server/cli/list_import.h"
#include "server/cli/progress.h"
#include "vigie/v1/lists.grpc.pb.h"

namespace vigie {
namespace {

constexpr int kExportPage = 1000;

struct ListFlags {
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
  bool every_platform = false;
  bool local = false;     // create
  bool no_parts = false;  // create
  std::string set_local;  // update: "on" or "off"; empty: as it is
  std::string set_parts;  // likewise
  int threads = 0;        // of an import of a folder; 0: one a core
  bool dry_run = false;
  bool json = false;
};

std::string NameOf(const std::string& list) {
  return list.starts_with("lists/") ? list : absl::StrCat("lists/", list);
}

void PrintList(const v1::List& list) { std::fputs(ToJson(list, /*pretty=*/true).c_str(), stdout); }

v1::Action ActionOf(const std::string& word) {
  return static_cast<v1::Action>(static_cast<int>(Parse<Action>(word).value()));
}

int Create(const ListFlags& options) {
  const auto client = Client::Connect(options.client);
  if (!client.ok()) return Fail(client.status());
  v1::CreateListRequest request;
  request.set_list_id(options.list);
  v1::List& list = *request.mutable_list();
  list.set_kind(options.kind == "allow" ? v1::List::ALLOW : v1::List::BLOCK);
  list.set_category(
      static_cast<v1::Category>(static_cast<int>(Parse<Category>(options.category).value())));
  if (!options.action.empty()) list.set_action(ActionOf(options.action));
  list.set_display_name(options.display_name);
  if (options.max_distance >= 0) list.set_max_distance(options.max_distance);
  list.set_provisional_hours(options.provisional_hours);
  list.mutable_audience()->Assign(options.audience.begin(), options.audience.end());
  if (options.local) list.set_local(true);
  if (options.no_parts) list.set_parts(false);
  v1::List created;
  grpc::ClientContext context;
  client->Prepare(context);
  const absl::Status status = FromGrpc(
      v1::ListService::NewStub(client->channel())->CreateList(&context, request, &created));
  if (!status.ok()) return Fail(status);
  PrintList(created);
  return kExitOk;
}

// The list's fields that `given` says are on the command line.
v1::UpdateListRequest UpdateOf(const ListFlags& options,
                               const std::function<bool(const char*)>& given) {
  v1::UpdateListRequest request;
  v1::List& list = *request.mutable_list();
  list.set_name(NameOf(options.list));
  list.set_display_name(options.display_name);
  if (!options.action.empty()) list.set_action(ActionOf(options.action));
  list.set_max_distance(options.max_distance);
  list.set_provisional_hours(options.provisional_hours);
  list.mutable_audience()->Assign(options.audience.begin(), options.audience.end());
  list.set_parts(options.set_parts == "on");
  list.set_local(options.set_local == "on");
  for (const auto& [flag, field] :
       {std::pair("--display-name", "display_name"), std::pair("--action", "action"),
        std::pair("--max-distance", "max_distance"),
        std::pair("--provisional-hours", "provisional_hours"), std::pair("--audience", "audience"),
        std::pair("--every-platform", "audience"), std::pair("--parts", "parts"),
        std::pair("--local", "local")}) {
    if (given(flag)) request.mutable_update_mask()->add_paths(field);
  }
  return request;
}

int Update(const ListFlags& options, const CLI::App& command) {
  const v1::UpdateListRequest request =
      UpdateOf(options, [&command](const char* flag) { return command.count(flag) > 0; });
  if (request.update_mask().paths().empty()) {
    return Fail(UsageError("say what to change: see vigie list update --help"));
  }
  const auto client = Client::Connect(options.client);
  if (!client.ok()) return Fail(client.status());
  v1::List updated;
  grpc::ClientContext context;
  client->Prepare(context);
  const absl::Status status = FromGrpc(
      v1::ListService::NewStub(client->channel())->UpdateList(&context, request, &updated));
  if (!status.ok()) return Fail(status);
  PrintList(updated);
  return kExitOk;
}

absl::StatusOr<v1::List> GetList(const Client& client, const std::string& name) {
  v1::GetListRequest request;
  request.set_name(name);
  v1::List list;
  grpc::ClientContext context;
  client.Prepare(context);
  VIGIE_RETURN_IF_ERROR(
      FromGrpc(v1::ListService::NewStub(client.channel())->GetList(&context, request, &list)));
  return list;
}

int Show(const ListFlags& options) {
  const auto client = Client::Connect(options.client);
  if (!client.ok()) return Fail(client.status());
  if (!options.list.empty()) {
    const auto list = GetList(*client, NameOf(options.list));
    if (!list.ok()) return Fail(list.status());
    PrintList(*list);
    return kExitOk;
  }
  const auto stub = v1::ListService::NewStub(client->channel());
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

// Local fingerprints are made where the list takes them.
int ImportFolder(const ListFlags& options, const Client& client, const ImportOptions& import) {
  const auto list = GetList(client, import.parent);
  if (!list.ok()) return Fail(list.status());
  auto source = FolderSource::Open(options.file, list->local(), options.threads);
  if (!source.ok()) return Fail(source.status());
  return ImportFrom(*source, client, import);
}

int Import(const ListFlags& options) {
  const auto client = Client::Connect(options.client);
  if (!client.ok()) return Fail(client.status());
  const ImportOptions import = {
      .parent = NameOf(options.list), .dry_run = options.dry_run, .json = options.json};
  if (options.file == "-") {
    FileSource source(std::cin, 0);
    return ImportFrom(source, *client, import);
  }
  struct stat facts {};
  if (stat(options.file.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) {
    return ImportFolder(options, *client, import);
  }
  std::ifstream file(options.file);
  if (!file || stat(options.file.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return Fail(Error(absl::StatusCode::kNotFound, "FILE_UNREADABLE",
                      absl::StrCat("cannot read ", options.file)));
  }
  FileSource source(file, static_cast<uint64_t>(facts.st_size));
  return ImportFrom(source, *client, import);
}

ListFormat FormatOf(const std::string& word) {
  if (word == "plain") return ListFormat::kPlain;
  return word == "csv" ? ListFormat::kCsv : ListFormat::kJsonLines;
}

int ExportTo(const ListFlags& options, const Client& client, std::FILE* out) {
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

int Export(const ListFlags& options) {
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

// What create and update have in common.
void AddFields(CLI::App& command, const std::shared_ptr<ListFlags>& options) {
  AddClientOptions(command, &options->client);
  command.add_option("--action", options->action, "the strongest action its entries may cause")
      ->check(CLI::IsMember({"block", "hold_for_review", "report_only"}));
  command.add_option("--display-name", options->display_name, "for people");
  command.add_option("--max-distance", options->max_distance, "bits; the server's default is 31");
  command.add_option("--provisional-hours", options->provisional_hours,
                     "how long undecided entries act");
  command.add_option("--audience", options->audience,
                     "organisation whose uploads it acts on, in place of all (may be repeated)");
}

void AddCreate(CLI::App& list, const std::shared_ptr<ListFlags>& options, int* exit_code) {
  CLI::App* create = list.add_subcommand("create", "Make a list");
  create->add_option("LIST", options->list, "its id: a-z, 0-9 and '-'")->required();
  create->add_option("--kind", options->kind, "block or allow")
      ->check(CLI::IsMember({"block", "allow"}))
      ->capture_default_str();
  create->add_option("--category", options->category, Names<Category>())
      ->check([](const std::string& word) {
        return Parse<Category>(word) ? "" : "one of: " + Names<Category>();
      })
      ->capture_default_str();
  AddFields(*create, options);
  create->add_flag("--local", options->local,
                   "take local fingerprints: thorough checks then find parts of its pictures. They "
                   "show far more of a picture than a hash");
  create->add_flag("--no-parts", options->no_parts,
                   "thorough checks do not look for its pictures in parts of uploads");
  create->callback([options, exit_code] { *exit_code = Create(*options); });
}

void AddUpdate(CLI::App& list, const std::shared_ptr<ListFlags>& options, int* exit_code) {
  CLI::App* update =
      list.add_subcommand("update", "Change fields of a list; those not given stay as they are");
  update->add_option("LIST", options->list, "the list")->required();
  AddFields(*update, options);
  update
      ->add_flag("--every-platform", options->every_platform,
                 "act on the uploads of all organisations again")
      ->excludes("--audience");
  update->add_option("--parts", options->set_parts, "look for its pictures in parts of uploads")
      ->check(CLI::IsMember({"on", "off"}));
  update
      ->add_option("--local", options->set_local,
                   "take local fingerprints and compare uploads with them; off: those that are "
                   "there are kept, not used")
      ->check(CLI::IsMember({"on", "off"}));
  update->callback([options, update, exit_code] { *exit_code = Update(*options, *update); });
}

void AddImport(CLI::App& list, const std::shared_ptr<ListFlags>& options, int* exit_code) {
  CLI::App* import = list.add_subcommand("import", "Upload entries; safe to repeat");
  AddClientOptions(*import, &options->client);
  import->add_option("LIST", options->list, "the list")->required();
  import
      ->add_option("FILE", options->file,
                   "hash[,quality[,filename]] lines, CSV with a header, or JSON lines; - for "
                   "standard input. Or a folder: every picture below it is hashed here and never "
                   "leaves this machine")
      ->required();
  import->add_flag("--dry_run", options->dry_run,
                   "write nothing; report what would be added, and what refused and why");
  import->add_flag("--json", options->json, "print the report as a JSON object");
  import
      ->add_option("--threads", options->threads,
                   "pictures of a folder hashed at once, each with its own memory; default: one a "
                   "core")
      ->check(CLI::Range(1, 1024).description(""));
  import->footer(
      "A bad line or picture is reported and the rest goes on; the exit code is then 1.\n"
      "A quality that is not given counts as 100.");
  import->callback([options, exit_code] { *exit_code = Import(*options);
});
}  // namespace

void AddExport(CLI::App& list, const std::shared_ptr<ListFlags>& options, int* exit_code) {
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

void AddShow(CLI::App& list, const std::shared_ptr<ListFlags>& options, int* exit_code) {
  CLI::App* show = list.add_subcommand("show", "Print one list, or all of yours, as JSON");
  AddClientOptions(*show, &options->client);
  show->add_option("LIST", options->list, "the list; default: all");
  show->callback([options, exit_code] { *exit_code = Show(*options); });
}

}  // namespace vigie

void AddList(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand("list", "Make, change, fill, export and show your lists");
  command->require_subcommand(1);
  auto options = std::make_shared<ListFlags>();
  AddCreate(*command, options, exit_code);
  AddUpdate(*command, options, exit_code);
  AddImport(*command, options, exit_code);
  AddExport(*command, options, exit_code);
  AddShow(*command, options, exit_code);
}

}  // namespace vigie
