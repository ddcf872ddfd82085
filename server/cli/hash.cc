// vigie hash: fingerprints of files, in the form that the field's tools print and read.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/local/local_index.h"
#include "engine/match/submission.h"
#include "server/cli/cli.h"
#include "server/cli/files.h"
#include "server/cli/in_order.h"
#include "server/cli/progress.h"

namespace vigie {
namespace {

struct HashFlags {
  std::string profile = "reference";
  std::string mode = "exact";
  bool dihedral = false;
  bool local = false;
  bool json = false;  // also with local
  int threads = 0;    // 0: one a core
  std::vector<std::string> files;
};

// The line for one hash; `frame` is set for animations, `local` where there is one to print.
std::string LineOf(const HashFlags& options, const std::string& file, const Pdq256& hash,
                   int quality, Orientation orientation, std::optional<int> frame,
                   const std::string& local) {
  const std::string hex = ToHex(hash.bytes);
  if (options.json) {
    nlohmann::ordered_json line = {{"hash", hex},
                                   {"quality", quality},
                                   {"filename", file},
                                   {"orientation", Name(orientation)},
                                   {"profile", options.profile},
                                   {"mode", options.mode}};
    if (frame.has_value()) line["frame"] = *frame;
    if (!local.empty()) line["local"] = absl::Base64Escape(local);
    return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
  }
  const std::string word = options.dihedral ? std::string(Name(orientation)) + ',' : "";
  return hex + ',' + std::to_string(quality) + ',' + word + file + '\n';
}

absl::StatusOr<std::string> LinesOf(const HashFlags& options, const std::string& file) {
  thread_local PdqScratch scratch;
  std::string bytes;
  VIGIE_ASSIGN_OR_RETURN(bytes, ReadWholeFile(file));
  HashOptions hashing = SubmissionOptions(Parse<Profile>(options.profile).value(), options.local);
  hashing.mode = Parse<DecodeMode>(options.mode).value();
  hashing.all_orientations = options.dihedral;
  HashedImage image;
  VIGIE_ASSIGN_OR_RETURN(image, HashEncoded(AsBytes(bytes), hashing, scratch));
  VIGIE_RETURN_IF_ERROR(image.summary.rest);
  std::string local;  // once a picture: on its first line
  if (image.local.keypoints.size() >= kMinInliers) local = EncodeLocal(image.local);
  std::string lines;
  for (const HashedFrame& frame : image.frames) {
    std::optional<int> number;
    std::string name = file;
    if (image.summary.animated) {
      number = frame.number;
      name = absl::StrCat(file, "#", frame.number);  // each line is an entry of its own in a list
    }
    for (int i = 0; i < (options.dihedral ? kOrientations : 1); ++i) {
      lines += LineOf(options, name, frame.pdq.hashes[static_cast<size_t>(i)], frame.pdq.quality,
                      static_cast<Orientation>(i), number, lines.empty() ? local : "");
    }
  }
  return lines;
}

absl::StatusOr<std::string> LinesOrError(const HashFlags& options, const std::string& file) {
  try {
    return LinesOf(options, file);
  } catch (const std::bad_alloc&) {
    return Error(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
                 "not enough memory; --threads 1 needs the least");
  }
}

int Hash(const HashFlags& options) {
  const std::vector<std::string> files = WithFoldersExpanded(options.files);
  // Lines on a terminal show the progress themselves, and a script reads the error output.
  std::optional<Progress> progress;
  if (isatty(STDERR_FILENO) != 0 && isatty(STDOUT_FILENO) == 0) {
    progress.emplace("hash", files.size());
  }
  int exit_code = kExitOk;
  InOrder<absl::StatusOr<std::string>>(
      files.size(), ThreadsFor(options.threads),
      [&](size_t i) { return LinesOrError(options, files[i]); },
      [&](size_t i, const absl::StatusOr<std::string>& lines) {
        if (lines.ok()) {
          std::fputs(lines->c_str(), stdout);
        } else {
          if (progress.has_value()) progress->Hide();
          std::fprintf(stderr, "vigie: %s: %s (%s)\n", files[i].c_str(),
                       std::string(lines.status().message()).c_str(),
                       ReasonOf(lines.status()).c_str());
          exit_code = kExitSomeFailed;
        }
        if (progress.has_value()) progress->Update(i + 1);
        return true;
      });
  return exit_code;
}

}  // namespace

void AddHash(CLI::App& app, int* exit_code) {
  CLI::App* command =
      app.add_subcommand("hash",
                         "Print hash,quality,filename of pictures, or of an animation's "
                         "frames (PDQ); no server needed");
  auto options = std::make_shared<HashFlags>();
  command->add_option("--profile", options->profile, "reference or full (no scaling first)")
      ->check(CLI::IsMember({"reference", "full"}))
      ->capture_default_str();
  command->add_option("--mode", options->mode, "exact, or fast: decoding shortcuts, a few bits off")
      ->check(CLI::IsMember({"exact", "fast"}))
      ->capture_default_str();
  command->add_flag("--dihedral", options->dihedral,
                    "all 8 orientations: hash,quality,orientation,filename");
  command->add_flag("--json", options->json, "one JSON object a line");
  command->add_flag(
      "--local", options->local,
      "with the local fingerprint, for lists that take them; implies --json. It shows "
      "far more of a picture than its hash: keep the output private");
  command
      ->add_option("--threads", options->threads,
                   "pictures hashed at once, each with its own memory; default: one a core")
      ->check(CLI::Range(1, 1024).description(""));
  command->add_option("FILE", options->files, "pictures, and folders: all files below")->required();
  command->callback([options, exit_code] {
    options->json = options->json || options->local;
    *exit_code = Hash(*options);
  });
}

}  // namespace vigie
