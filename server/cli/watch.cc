// vigie watch: follow what changes about entries that verdicts have named to a platform.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/cli/cli.h"
#include "server/cli/client.h"
#include "vigie/v1/match.grpc.pb.h"

namespace vigie {
namespace {

constexpr auto kRetryPause = std::chrono::seconds(1);

struct WatchFlags {
  ClientOptions client;
  uint64_t after = 0;
  std::string state_file;
  bool once = false;
};

absl::Status ReadState(const WatchFlags& options, uint64_t* after) {
  *after = options.after;
  if (options.state_file.empty()) return absl::OkStatus();
  std::ifstream file(options.state_file);
  std::string text;
  if (!(file >> text)) return absl::OkStatus();  // none yet
  if (absl::SimpleAtoi(text, after)) return absl::OkStatus();
  return UsageError(absl::StrCat(options.state_file, " does not hold a revision"));
}

// Kept only after the changes were printed: what is printed twice does no harm, what is left out
// does.
absl::Status KeepState(const WatchFlags& options, uint64_t after) {
  if (options.state_file.empty()) return absl::OkStatus();
  const std::string next = options.state_file + ".new";
  std::ofstream file(next, std::ios::trunc);
  file << after << '\n';
  file.close();
  if (file && std::rename(next.c_str(), options.state_file.c_str()) == 0) return absl::OkStatus();
  return Error(absl::StatusCode::kUnavailable, "FILE_FAILED",
               absl::StrCat("cannot write ", options.state_file));
}

// Reads one stream to its end; `*after` moves on.
absl::Status Follow(const WatchFlags& options, const Client& client, uint64_t* after) {
  grpc::ClientContext context;
  client.Prepare(context, /*endless=*/true);
  v1::WatchRequest request;
  request.set_after_revision(*after);
  const auto stub = v1::MatchService::NewStub(client.channel());
  const auto stream = stub->Watch(&context, request);
  v1::WatchResponse response;
  while (stream->Read(&response)) {
    for (const v1::Change& change : response.changes()) {
      std::puts(ToJson(change, /*pretty=*/false).c_str());
    }
    std::fflush(stdout);
    *after = response.revision();
    VIGIE_RETURN_IF_ERROR(KeepState(options, *after));
    if (options.once && response.up_to_date()) {
      context.TryCancel();
      return absl::OkStatus();
    }
  }
  return FromGrpc(stream->Finish());
}

int Watch(const WatchFlags& options) {
  const auto client = Client::Connect(options.client);
  if (!client.ok()) return Fail(client.status());
  uint64_t after = 0;
  if (const absl::Status status = ReadState(options, &after); !status.ok()) return Fail(status);
  while (true) {
    const absl::Status status = Follow(options, *client, &after);
    if (status.ok() && options.once) return kExitOk;
    // A server that stops or cannot be reached comes back; a key that is refused does not.
    if (!status.ok() && status.code() != absl::StatusCode::kUnavailable) return Fail(status);
    if (options.once) return Fail(status);
    std::fprintf(stderr, "vigie: %s; asking again\n", std::string(status.message()).c_str());
    std::this_thread::sleep_for(kRetryPause);
  }
}

}  // namespace

void AddWatch(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand(
      "watch",
      "Print what changes about entries that verdicts have named to you, one JSON object a line: "
      "with \"release\": true what was blocked because of the entry may be released");
  auto options = std::make_shared<WatchFlags>();
  AddClientOptions(*command, &options->client);
  command->add_option("--after", options->after, "changes after this revision");
  command->add_option("--state", options->state_file,
                      "a file that keeps how far it has come, to go on from there");
  command->add_flag("--once", options->once, "print what there is, and end");
  command->callback([options, exit_code] { *exit_code = Watch(*options); });
}

}  // namespace vigie
