// vigie check: asks a server about files, as a platform does about uploads.
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/match/pipeline.h"
#include "server/cli/cli.h"
#include "server/cli/client.h"
#include "server/cli/files.h"
#include "server/cli/in_order.h"
#include "vigie/v1/match.grpc.pb.h"

namespace vigie {
namespace {

struct CheckFlags {
  ClientOptions client;
  bool hash_only = false;
  bool json = false;
  std::string effort;  // empty: as the server is configured
  int threads = 0;     // 0: one a core
  std::vector<std::string> lists;
  std::vector<std::string> files;
};

// What the server would compute of an upload, computed here, so that the picture itself stays here.
struct LocalHashes {
  v1::HashedPicture picture;
  // Not OK when finding nothing would not mean that nothing is there.
  absl::Status obstacle;
};

void AddDigest(v1::Algorithm algorithm, Bytes digest, v1::HashedPicture* picture) {
  v1::Fingerprint& fingerprint = *picture->add_fingerprints();
  fingerprint.set_algorithm(algorithm);
  fingerprint.set_hex(ToHex(digest));
}

LocalHashes HashLocally(const std::string& bytes) {
  thread_local PdqScratch scratch;
  LocalHashes hashes;
  v1::HashedPicture& picture = hashes.picture;
  AddDigest(v1::MD5, Md5(AsBytes(bytes)), &picture);
  AddDigest(v1::SHA1, Sha1(AsBytes(bytes)), &picture);
  AddDigest(v1::SHA256, Sha256(AsBytes(bytes)), &picture);
  constexpr int kDigests = 3;
  HashOptions options;  // of an animation as many frames as one picture may have values
  options.max_frames = (static_cast<int>(kMaxFingerprints) - kDigests) / kOrientations;
  const auto image = HashEncoded(AsBytes(bytes), options, scratch);
  if (!image.ok()) {
    hashes.obstacle = image.status();
    return hashes;
  }
  hashes.obstacle = image->summary.rest;
  for (const HashedFrame& frame : image->frames) {
    for (int i = 0; i < kOrientations; ++i) {
      v1::Fingerprint& fingerprint = *picture.add_fingerprints();
      fingerprint.set_algorithm(v1::PDQ);
      fingerprint.set_hex(ToHex(frame.pdq.hashes[static_cast<size_t>(i)].bytes));
      fingerprint.set_quality(frame.pdq.quality);
      fingerprint.set_orientation(static_cast<v1::Orientation>(i + 1));
    }
  }
  return hashes;
}

// A picture that could not be looked at is never reported as clean.
void Obstruct(const absl::Status& obstacle, v1::Verdict* verdict) {
  if (obstacle.ok() || verdict->outcome() != v1::Verdict::NO_MATCH ||
      verdict->basis() == v1::Verdict::ALLOW_LISTED) {
    return;
  }
  const std::string reason = ReasonOf(obstacle);
  verdict->clear_basis();
  verdict->set_outcome(v1::Verdict::NOT_SCANNED);
  verdict->set_not_scanned(reason == "UNSUPPORTED_FORMAT" ? v1::Verdict::UNSUPPORTED_FORMAT
                           : reason == "IMAGE_CORRUPT"    ? v1::Verdict::CORRUPT
                                                          : v1::Verdict::TOO_LARGE);
  verdict->set_detail(std::string(obstacle.message()));
}

absl::StatusOr<v1::Verdict> Ask(const CheckFlags& options, const Client& client,
                                v1::MatchService::Stub& stub, const std::string& file) {
  std::string bytes;
  VIGIE_ASSIGN_OR_RETURN(bytes, ReadWholeFile(file));
  v1::CheckSettings settings;
  for (const std::string& list : options.lists) {
    settings.add_lists(list.starts_with("lists/") ? list : absl::StrCat("lists/", list));
  }
  if (options.effort == "fast") settings.set_effort(v1::Verdict::FAST);
  if (options.effort == "thorough") settings.set_effort(v1::Verdict::THOROUGH);
  grpc::ClientContext context;
  client.Prepare(context);
  if (options.hash_only) {
    v1::CheckHashesRequest request;
    *request.mutable_settings() = settings;
    LocalHashes hashes = HashLocally(bytes);
    *request.add_pictures() = std::move(hashes.picture);
    v1::CheckHashesResponse response;
    VIGIE_RETURN_IF_ERROR(FromGrpc(stub.CheckHashes(&context, request, &response)));
    if (response.verdicts_size() != 1) return absl::InternalError("not one verdict a picture");
    Obstruct(hashes.obstacle, response.mutable_verdicts(0));
    return response.verdicts(0);
  }
  v1::CheckImageRequest request;
  *request.mutable_settings() = settings;
  request.set_image(std::move(bytes));
  v1::CheckImageResponse response;
  VIGIE_RETURN_IF_ERROR(FromGrpc(stub.CheckImage(&context, request, &response)));
  return response.verdict();
}

absl::StatusOr<v1::Verdict> AskOrError(const CheckFlags& options, const Client& client,
                                       v1::MatchService::Stub& stub, const std::string& file) {
  try {
    return Ask(options, client, stub, file);
  } catch (const std::bad_alloc&) {
    return Error(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
                 "not enough memory; --threads 1 needs the least");
  }
}

std::string Word(const std::string& upper) { return absl::AsciiStrToLower(upper); }

// Two columns: how near, and turned how.
std::string HowNear(const v1::Match& match) {
  if (match.has_local()) {
    const v1::LocalEvidence& local = match.local();
    return absl::StrCat(local.inliers(), " places, ", std::lround(100 * local.known_share()),
                        " % of the known picture\t",
                        local.mirrored() ? "mirrored" : "not mirrored");
  }
  return absl::StrCat("distance ", match.distance(), " of ", match.threshold(), "\t",
                      Word(v1::Orientation_Name(match.orientation())));
}

void PrintText(const std::string& file, const v1::Verdict& verdict) {
  std::string line = absl::StrCat(Word(v1::Verdict::Outcome_Name(verdict.outcome())));
  if (verdict.outcome() == v1::Verdict::MATCH) {
    const v1::Match& match = verdict.matches(0);
    absl::StrAppend(&line, "\t", Word(v1::Action_Name(verdict.action())), "\t", HowNear(match),
                    "\t", match.entry());
    if (match.has_variant()) {
      const v1::Variant& part = match.variant();
      absl::StrAppend(&line, "\t", Word(v1::Variant::Kind_Name(part.kind())), " ", part.width(),
                      "x", part.height(), "+", part.x(), "+", part.y());
    }
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

int Check(const CheckFlags& options) {
  const auto client = Client::Connect(options.client);
  if (!client.ok()) return Fail(client.status());
  const auto stub = v1::MatchService::NewStub(client->channel());
  const std::vector<std::string> files = WithFoldersExpanded(options.files);
  bool failed = false;
  bool matched = false;
  absl::Status given_up;
  InOrder<absl::StatusOr<v1::Verdict>>(
      files.size(), ThreadsFor(options.threads),
      [&](size_t i) { return AskOrError(options, *client, *stub, files[i]); },
      [&](size_t i, const absl::StatusOr<v1::Verdict>& verdict) {
        if (!verdict.ok()) {
          const absl::StatusCode code = verdict.status().code();
          if (code == absl::StatusCode::kUnauthenticated ||
              code == absl::StatusCode::kPermissionDenied ||
              code == absl::StatusCode::kUnavailable) {
            given_up = verdict.status();
            return false;
          }
          Fail(Error(code, ReasonOf(verdict.status()),
                     absl::StrCat(files[i], ": ", verdict.status().message())));
          failed = true;
          return true;
        }
        if (options.json) {
          PrintJson(files[i], *verdict);
        } else {
          PrintText(files[i], *verdict);
        }
        matched = matched || verdict->outcome() == v1::Verdict::MATCH;
        failed = failed || verdict->outcome() == v1::Verdict::NOT_SCANNED;
        return true;
      });
  if (!given_up.ok()) return Fail(given_up);
  return matched ? kExitMatch : failed ? kExitSomeFailed : kExitOk;
}

}  // namespace

void AddCheck(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand("check", "Ask a server whether pictures are known");
  auto options = std::make_shared<CheckFlags>();
  AddClientOptions(*command, &options->client);
  command->add_flag("--hash-only", options->hash_only,
                    "hash here and send only hashes: the pictures never leave this machine");
  command->add_option("--list", options->lists, "consult only this list (may be repeated)");
  command
      ->add_option("--effort", options->effort,
                   "fast: the whole picture; thorough: also its parts, and places that stand out; "
                   "default: the server's. Of hashes only the whole is known")
      ->check(CLI::IsMember({"fast", "thorough"}).description(""))
      ->type_name("fast|thorough");
  command->add_flag("--json", options->json, "one JSON object a line");
  command
      ->add_option("--threads", options->threads,
                   "pictures asked about at once; default: one a core")
      ->check(CLI::Range(1, 1024).description(""));
  command->add_option("FILE", options->files, "pictures, and folders: all files below")->required();
  command->footer("Exit code 4 when a picture is known, else 1 when one was not scanned, else 0.");
  command->callback([options, exit_code] { *exit_code = Check(*options); });
}

}  // namespace vigie
