// vigie check: asks a server about files, as a platform does about uploads.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/hash/pdq.h"
#include "engine/image/decoder.h"
#include "server/cli/cli.h"
#include "server/cli/client.h"
#include "vigie/v1/match.grpc.pb.h"

namespace vigie {
namespace {

struct Options {
  ClientOptions client;
  bool hash_only = false;
  bool json = false;
  std::vector<std::string> lists;
  std::vector<std::string> files;
};

// The upload's hashes in all orientations and its SHA-256, so that the picture itself stays here.
absl::StatusOr<v1::HashedPicture> HashLocally(const std::string& bytes) {
  static PdqScratch scratch;
  v1::HashedPicture picture;
  v1::Fingerprint& copy = *picture.add_fingerprints();
  copy.set_algorithm(v1::SHA256);
  copy.set_hex(ToHex(Sha256(AsBytes(bytes))));
  DecodedImage image;
  VIGIE_ASSIGN_OR_RETURN(image, DecodeImage(AsBytes(bytes), DecodeLimits{}, DecodeMode::kExact));
  const PdqOrientations pdq = ComputePdqOrientations(image.pixels, Profile::kReference, scratch);
  for (int i = 0; i < kOrientations; ++i) {
    v1::Fingerprint& fingerprint = *picture.add_fingerprints();
    fingerprint.set_algorithm(v1::PDQ);
    fingerprint.set_hex(ToHex(pdq.hashes[static_cast<size_t>(i)].bytes));
    fingerprint.set_quality(pdq.quality);
    fingerprint.set_orientation(static_cast<v1::Orientation>(i + 1));
  }
  return picture;
}

absl::StatusOr<v1::Verdict> Ask(const Options& options, const Client& client,
                                v1::MatchService::Stub& stub, const std::string& file) {
  std::string bytes;
  VIGIE_ASSIGN_OR_RETURN(bytes, ReadWholeFile(file));
  v1::CheckSettings settings;
  for (const std::string& list : options.lists) {
    settings.add_lists(list.starts_with("lists/") ? list : absl::StrCat("lists/", list));
  }
  grpc::ClientContext context;
  client.Prepare(context);
  if (options.hash_only) {
    v1::CheckHashesRequest request;
    *request.mutable_settings() = settings;
    VIGIE_ASSIGN_OR_RETURN(*request.add_pictures(), HashLocally(bytes));
    v1::CheckHashesResponse response;
    VIGIE_RETURN_IF_ERROR(FromGrpc(stub.CheckHashes(&context, request, &response)));
    return response.verdicts(0);
  }
  v1::CheckImageRequest request;
  *request.mutable_settings() = settings;
  request.set_image(std::move(bytes));
  v1::CheckImageResponse response;
  VIGIE_RETURN_IF_ERROR(FromGrpc(stub.CheckImage(&context, request, &response)));
  return response.verdict();
}

std::string Word(const std::string& upper) { return absl::AsciiStrToLower(upper); }

void PrintText(const std::string& file, const v1::Verdict& verdict) {
  std::string line = absl::StrCat(Word(v1::Verdict::Outcome_Name(verdict.outcome())));
  if (verdict.outcome() == v1::Verdict::MATCH) {
    const v1::Match& match = verdict.matches(0);
    absl::StrAppend(&line, "\t", Word(v1::Action_Name(verdict.action())), "\tdistance ",
                    match.distance(), " of ", match.threshold(), "\t",
                    Word(v1::Orientation_Name(match.orientation())), "\t", match.entry());
    if (verdict.total_matches() > 1) {
      absl::StrAppend(&line, " and ", verdict.total_matches() - 1, " more");
    }
  } else if (verdict.outcome() == v1::Verdict::NOT_SCANNED) {
    absl::StrAppend(&line, "\t", Word(v1::Verdict::NotScanned_Name(verdict.not_scanned())), "\t",
                    verdict.detail());
  } else {
    absl::StrAppend(&line, "\t", Word(v1::Verdict::Basis_Name(verdict.basis())));
  }
  std::printf("%s\t%s\n", file.c_str(), line.c_str());
}

void PrintJson(const std::string& file, const v1::Verdict& verdict) {
  nlohmann::ordered_json line;
  line["filename"] = file;
  line["verdict"] = nlohmann::ordered_json::parse(ToJson(verdict, /*pretty=*/false));
  std::puts(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

int Check(const Options& options) {
  const auto client = Client::Connect(options.client);
  if (!client.ok()) return Fail(client.status());
  const auto stub = v1::MatchService::NewStub(client->channel());
  bool failed = false;
  bool matched = false;
  for (const std::string& file : options.files) {
    const auto verdict = Ask(options, *client, *stub, file);
    if (!verdict.ok()) {
      const absl::StatusCode code = verdict.status().code();
      if (code == absl::StatusCode::kUnauthenticated ||
          code == absl::StatusCode::kPermissionDenied || code == absl::StatusCode::kUnavailable) {
        return Fail(verdict.status());
      }
      Fail(Error(code, ReasonOf(verdict.status()),
                 absl::StrCat(file, ": ", verdict.status().message())));
      failed = true;
      continue;
    }
    if (options.json) {
      PrintJson(file, *verdict);
    } else {
      PrintText(file, *verdict);
    }
    matched = matched || verdict->outcome() == v1::Verdict::MATCH;
    failed = failed || verdict->outcome() == v1::Verdict::NOT_SCANNED;
  }
  return matched ? kExitMatch : failed ? kExitSomeFailed : kExitOk;
}

}  // namespace

void AddCheck(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand("check", "Ask a server whether pictures are known");
  auto options = std::make_shared<Options>();
  AddClientOptions(*command, &options->client);
  command->add_flag("--hash-only", options->hash_only,
                    "hash here and send only hashes: the pictures never leave this machine");
  command->add_option("--list", options->lists, "consult only this list (may be repeated)");
  command->add_flag("--json", options->json, "one JSON object a line");
  command->add_option("FILE", options->files, "pictures")->required();
  command->footer("Exit code 4 when a picture is known, else 1 when one was not scanned, else 0.");
  command->callback([options, exit_code] { *exit_code = Check(*options); });
}

}  // namespace vigie
