// vigie audit: proves that the chain of events is whole, and takes one entry's case out of it.
// Works on the data folder itself, also while a server runs; `events` asks a server.
#include "engine/catalog/audit.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/sealer.h"
#include "engine/base/signature.h"
#include "engine/store/event_chain.h"
#include "engine/store/sqlite_store.h"
#include "server/app/config.h"
#include "server/cli/cli.h"
#include "server/cli/client.h"
#include "server/rpc/resource_names.h"
#include "vigie/v1/audit.grpc.pb.h"

namespace vigie {
namespace {

using Json = nlohmann::ordered_json;

struct AuditFlags {
  ClientOptions client;
  uint64_t after = 0;
  std::string data_dir = Config{}.data_dir;
  std::string public_key;
  std::string head;
  std::string name;
};

template <size_t kSize>
absl::Status ReadHex(const std::string& hex, std::string_view what,
                     std::array<uint8_t, kSize>* out) {
  const auto bytes = FromHex(hex);
  if (!bytes.has_value() || bytes->size() != kSize) {
    return UsageError(absl::StrCat(ToAbsl(what), " is ", 2 * kSize, " hex digits"));
  }
  std::copy(bytes->begin(), bytes->end(), out->begin());
  return absl::OkStatus();
}

void Print(const Json& line) {
  std::puts(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

Json ToJsonLine(const HeadRecord& head) {
  return {{"type", "head"},
          {"number", head.number},
          {"digest", ToHex(head.digest)},
          {"time_us", head.time_us},
          {"public_key", ToHex(head.public_key)},
          {"signature", ToHex(head.signature)}};
}

absl::StatusOr<HeadRecord> ReadHeadFile(const std::string& path) {
  std::string text;
  VIGIE_ASSIGN_OR_RETURN(text, ReadWholeFile(path));
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto field = [&](const char* name) {
    return json.is_object() && json.contains(name) && json[name].is_string()
               ? json[name].get<std::string>()
               : std::string();
  };
  const auto number = [&](const char* name) -> int64_t {
    return json.is_object() && json.contains(name) && json[name].is_number_integer()
               ? json[name].get<int64_t>()
               : 0;
  };
  HeadRecord head{.number = static_cast<uint64_t>(number("number")), .time_us = number("time_us")};
  VIGIE_RETURN_IF_ERROR(ReadHex(field("digest"), "the head's digest", &head.digest));
  VIGIE_RETURN_IF_ERROR(ReadHex(field("public_key"), "the head's public_key", &head.public_key));
  VIGIE_RETURN_IF_ERROR(ReadHex(field("signature"), "the head's signature", &head.signature));
  return head;
}

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const AuditFlags& options) {
  if (access(DatabasePath(options.data_dir).c_str(), F_OK) != 0) {
    return Error(absl::StatusCode::kNotFound, "DATA_DIR_FAILED",
                 absl::StrCat("there is no database in ", options.data_dir));
  }
  return OpenSqliteStore(DatabasePath(options.data_dir));
}

// The key that was given, or that of the data folder.
absl::StatusOr<PublicKey> KeyOf(const AuditFlags& options) {
  PublicKey key{};
  if (!options.public_key.empty()) {
    VIGIE_RETURN_IF_ERROR(ReadHex(options.public_key, "--public-key", &key));
    return key;
  }
  const std::string path = AuditKeyPath(options.data_dir);
  if (access(path.c_str(), F_OK) != 0) {
    return Error(absl::StatusCode::kNotFound, "USAGE",
                 absl::StrCat("there is no ", path, ": say --public-key"));
  }
  absl::StatusOr<SigningKey> made = SigningKey::LoadOrMake(path);
  if (!made.ok()) return made.status();
  return made->public_key();
}

absl::Status Verify(const AuditFlags& options) {
  std::unique_ptr<Store> store;
  VIGIE_ASSIGN_OR_RETURN(store, OpenStore(options));
  PublicKey key{};
  VIGIE_ASSIGN_OR_RETURN(key, KeyOf(options));
  std::optional<HeadRecord> kept;
  if (!options.head.empty()) {
    VIGIE_ASSIGN_OR_RETURN(kept, ReadHeadFile(options.head));
  }
  ChainReport report;
  VIGIE_ASSIGN_OR_RETURN(report, VerifyEvents(*store, key, kept));
  Print({{"sound", true},
         {"events", report.events},
         {"heads", report.heads},
         {"signed_until", report.signed_until},
         {"head", ToHex(report.head)},
         {"public_key", ToHex(key)}});
  return absl::OkStatus();
}

absl::Status PrintHead(const AuditFlags& options) {
  std::unique_ptr<Store> store;
  VIGIE_ASSIGN_OR_RETURN(store, OpenStore(options));
  std::vector<HeadRecord> heads;
  VIGIE_ASSIGN_OR_RETURN(heads, store->ReadHeads());
  if (heads.empty()) {
    return Error(absl::StatusCode::kNotFound, "USAGE", "no head was signed yet: start the server");
  }
  Print(ToJsonLine(heads.back()));
  return absl::OkStatus();
}

Json ToJsonLine(const EventRecord& event) {
  const auto state = [](const std::optional<EntryState>& value) {
    return value.has_value() ? Json(Name(*value)) : Json(nullptr);
  };
  return {{"type", "event"},
          {"number", event.number},
          {"time_us", event.time_us},
          {"kind", Name(event.kind)},
          {"list", event.list},
          {"entry", event.entry},
          {"last_entry", event.last_entry},
          {"from", state(event.from)},
          {"to", state(event.to)},
          {"organisation", event.organisation},
          {"role", event.role.has_value() ? Json(Name(*event.role)) : Json(nullptr)},
          {"key_id", event.key_id},
          {"person", event.person},
          {"reason", Name(event.reason)},
          {"legal_basis", event.legal_basis},
          {"case_reference", event.case_reference},
          {"revision", event.revision},
          {"content", ToHex(ContentOf(event))},
          {"digest", ToHex(event.digest)}};
}

// Every event of the case in full, and of those in between the digest of their content: enough to
// follow the chain from the first event of the case to the signed head, and nothing of other cases.
absl::Status PrintCase(Store& store, EntryNumber entry) {
  std::vector<EventRecord> events;
  VIGIE_ASSIGN_OR_RETURN(events, store.ReadEvents(entry));
  if (events.empty()) {
    return Error(absl::StatusCode::kNotFound, "USAGE",
                 "this entry has no events: it is older than they are");
  }
  std::vector<HeadRecord> heads;
  VIGIE_ASSIGN_OR_RETURN(heads, store.ReadHeads());
  std::optional<HeadRecord> signed_head;  // the first one that covers the case
  for (const HeadRecord& head : heads) {
    if (!signed_head.has_value() && head.number >= events.back().number) signed_head = head;
  }
  const uint64_t last = signed_head.has_value() ? signed_head->number : events.back().number;
  size_t next = 0;
  const absl::Status scanned =
      store.ScanEvents(events.front().number - 2, [&](const EventRecord& event) -> absl::Status {
        if (event.number < events.front().number) {
          Print({{"type", "before"}, {"number", event.number}, {"digest", ToHex(event.digest)}});
        } else if (next < events.size() && events[next].number == event.number) {
          Print(ToJsonLine(event));
          ++next;
        } else {
          Print({{"type", "link"}, {"number", event.number}, {"content", ToHex(ContentOf(event))}});
        }
        return event.number < last ? absl::OkStatus() : absl::CancelledError("the end");
      });
  if (!scanned.ok() && scanned.code() != absl::StatusCode::kCancelled) return scanned;
  if (signed_head.has_value()) Print(ToJsonLine(*signed_head));
  return absl::OkStatus();
}

absl::Status Export(const AuditFlags& options) {
  std::unique_ptr<Store> store;
  VIGIE_ASSIGN_OR_RETURN(store, OpenStore(options));
  EntryIds ids;
  VIGIE_ASSIGN_OR_RETURN(ids, EntryIdsOf(options.name));
  const auto number = Sealer(store->seal_key()).Open(ids.entry, "entry");
  std::vector<ListRecord> lists;
  VIGIE_ASSIGN_OR_RETURN(lists, store->ReadLists());
  std::optional<EntryRecord> entry;
  if (number.has_value()) {
    VIGIE_ASSIGN_OR_RETURN(entry, store->ReadEntry(static_cast<EntryNumber>(*number)));
  }
  for (const ListRecord& list : lists) {
    if (!entry.has_value() || list.number != entry->list || list.id != ids.list) continue;
    Print({{"type", "case"},
           {"format", "vigie-case-1"},
           {"database", ToHex(store->id())},
           {"name", options.name},
           {"entry", entry->number},
           {"list", list.number},
           {"organisation", list.organisation},
           {"category", Name(list.category)},
           {"state", Name(entry->state)},
           {"renewals", entry->renewals}});
    return PrintCase(*store, entry->number);
  }
  return Error(absl::StatusCode::kNotFound, "ENTRY_NOT_FOUND", "there is no such entry");
}

absl::Status PrintEvents(const AuditFlags& options) {
  absl::StatusOr<Client> client = Client::Connect(options.client);
  if (!client.ok()) return client.status();
  const auto stub = v1::AuditService::NewStub(client->channel());
  v1::ListEventsRequest request;
  request.set_after(options.after);
  request.set_page_size(1000);
  while (true) {
    grpc::ClientContext context;
    client->Prepare(context);
    v1::ListEventsResponse page;
    VIGIE_RETURN_IF_ERROR(FromGrpc(stub->ListEvents(&context, request, &page)));
    for (const v1::AuditEvent& event : page.events()) {
      std::puts(ToJson(event, /*pretty=*/false).c_str());
    }
    if (page.events_size() < request.page_size()) return absl::OkStatus();
    request.set_after(page.events().rbegin()->event().number());
  }
}

int Run(absl::Status (*command)(const AuditFlags&), const AuditFlags& options) {
  const absl::Status status = command(options);
  return status.ok() ? kExitOk : Fail(status);
}

}  // namespace

void AddAudit(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand(
      "audit", "Prove what was done, on the server's machine, also while it runs");
  command->require_subcommand(1);
  auto options = std::make_shared<AuditFlags>();
  const auto add = [&](const char* name, const char* what, absl::Status (*run)(const AuditFlags&)) {
    CLI::App* sub = command->add_subcommand(name, what);
    sub->add_option("--data_dir", options->data_dir, "the server's data folder")
        ->envname("VIGIE_DATA_DIR")
        ->capture_default_str();
    sub->callback([options, exit_code, run] { *exit_code = Run(run, *options); });
    return sub;
  };
  CLI::App* verify =
      add("verify", "Find any edit, deletion or reordering in the chain of events", Verify);
  verify->add_option("--head", options->head, "a file with a head that was kept elsewhere");
  verify->add_option("--public-key", options->public_key,
                     "hex; default: that of the data folder's audit.key");
  add("head", "Print the last signed head as JSON: keep it elsewhere", PrintHead);
  add("export", "Print the events of one entry with their proofs, one JSON object a line", Export)
      ->add_option("NAME", options->name, "lists/{list}/entries/{entry}")
      ->required();
  CLI::App* events = command->add_subcommand(
      "events", "Print the events of a server as an auditor reads them, one JSON object a line");
  AddClientOptions(*events, &options->client);
  events->add_option("--after", options->after, "those with a higher number");
  events->callback([options, exit_code] { *exit_code = Run(PrintEvents, *options); });
}

}  // namespace vigie
