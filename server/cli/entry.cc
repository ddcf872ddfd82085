// vigie entry: shows and withdraws entries.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "server/cli/cli.h"
#include "server/cli/client.h"
#include "vigie/v1/lists.grpc.pb.h"

namespace vigie {
namespace {

struct EntryFlags {
  ClientOptions client;
  std::string name;
  std::string reason;
  std::string person;
  bool fingerprints = false;
};

int Print(const v1::Entry& entry) {
  std::fputs(ToJson(entry, /*pretty=*/true).c_str(), stdout);
  return kExitOk;
}

int Show(const EntryFlags& options) {
  const auto client = Client::Connect(options.client);
  if (!client.ok()) return Fail(client.status());
  v1::GetEntryRequest request;
  request.set_name(options.name);
  request.set_view(options.fingerprints ? v1::WITH_FINGERPRINTS : v1::BASIC);
  v1::Entry entry;
  grpc::ClientContext context;
  client->Prepare(context);
  const absl::Status status =
      FromGrpc(v1::ListService::NewStub(client->channel())->GetEntry(&context, request, &entry));
  return status.ok() ? Print(entry) : Fail(status);
}

int Withdraw(const EntryFlags& options) {
  const auto client = Client::Connect(options.client);
  if (!client.ok()) return Fail(client.status());
  v1::WithdrawEntryRequest request;
  request.set_name(options.name);
  request.set_reason(options.reason);
  request.set_person(options.person);
  v1::Entry entry;
  grpc::ClientContext context;
  client->Prepare(context);
  const absl::Status status = FromGrpc(
      v1::ListService::NewStub(client->channel())->WithdrawEntry(&context, request, &entry));
  return status.ok() ? Print(entry) : Fail(status);
}

}  // namespace

void AddEntry(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand("entry", "Show or withdraw an entry of your lists");
  command->require_subcommand(1);
  auto options = std::make_shared<EntryFlags>();

  CLI::App* show = command->add_subcommand("show", "Print an entry as JSON");
  AddClientOptions(*show, &options->client);
  show->add_flag("--fingerprints", options->fingerprints, "with its hash values");
  show->add_option("NAME", options->name, "lists/{list}/entries/{entry}")->required();
  show->callback([options, exit_code] { *exit_code = Show(*options); });

  CLI::App* withdraw =
      command->add_subcommand("withdraw", "Stop an entry from matching, at once and for good");
  AddClientOptions(*withdraw, &options->client);
  withdraw->add_option("--reason", options->reason, "kept with the entry");
  withdraw->add_option("--person", options->person,
                       "the human who decides; required when the entry is contested");
  withdraw->add_option("NAME", options->name, "lists/{list}/entries/{entry}")->required();
  withdraw->callback([options, exit_code] { *exit_code = Withdraw(*options); });
}

}  // namespace vigie
