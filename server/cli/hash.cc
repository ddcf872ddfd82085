// vigie hash: fingerprints of files, in the form that the field's tools print and read.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/match/image_hasher.h"
#include "server/cli/cli.h"

namespace vigie {
namespace {

struct Options {
  std::string profile = "reference";
  std::string mode = "exact";
  bool dihedral = false;
  bool json = false;
  std::vector<std::string> files;
};

// `frame` is set for animations.
void Print(const Options& options, const std::string& file, const Pdq256& hash, int quality,
           Orientation orientation, std::optional<int> frame) {
  const std::string hex = ToHex(hash.bytes);
  if (options.json) {
    nlohmann::ordered_json line = {{"hash", hex},
                                   {"quality", quality},
                                   {"filename", file},
                                   {"orientation", Name(orientation)},
                                   {"profile", options.profile},
                                   {"mode", options.mode}};
    if (frame.has_value()) line["frame"] = *frame;
    std::puts(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else if (options.dihedral) {
    std::printf("%s,%d,%s,%s\n", hex.c_str(), quality, std::string(Name(orientation)).c_str(),
                file.c_str());
  } else {
    std::printf("%s,%d,%s\n", hex.c_str(), quality, file.c_str());
  }
}

absl::Status HashFile(const Options& options, const std::string& file, PdqScratch& scratch) {
  std::string bytes;
  VIGIE_ASSIGN_OR_RETURN(bytes, ReadWholeFile(file));
  HashedImage image;
  VIGIE_ASSIGN_OR_RETURN(image, HashEncoded(AsBytes(bytes),
                                            {.limits = {},
                                             .mode = Parse<DecodeMode>(options.mode).value(),
                                             .profile = Parse<Profile>(options.profile).value(),
                                             .all_orientations = options.dihedral,
                                             .min_quality = kDefaultMinQuality,
                                             .max_frames = kDefaultMaxFrames},
                                            scratch));
  VIGIE_RETURN_IF_ERROR(image.summary.rest);
  for (const HashedFrame& frame : image.frames) {
    std::optional<int> number;
    std::string name = file;
    if (image.summary.animated) {
      number = frame.number;
      name = absl::StrCat(file, "#", frame.number);  // each line is an entry of its own in a list
    }
    for (int i = 0; i < (options.dihedral ? kOrientations : 1); ++i) {
      Print(options, name, frame.pdq.hashes[static_cast<size_t>(i)], frame.pdq.quality,
            static_cast<Orientation>(i), number);
    }
  }
  return absl::OkStatus();
}

int Hash(const Options& options) {
  PdqScratch scratch;
  int exit_code = kExitOk;
  for (const std::string& file : options.files) {
    const absl::Status status = HashFile(options, file, scratch);
    if (status.ok()) continue;
    std::fprintf(stderr, "vigie: %s: %s (%s)\n", file.c_str(),
                 std::string(status.message()).c_str(), ReasonOf(status).c_str());
    exit_code = kExitSomeFailed;
  }
  return exit_code;
}

}  // namespace

void AddHash(CLI::App& app, int* exit_code) {
  CLI::App* command =
      app.add_subcommand("hash",
                         "Print hash,quality,filename of pictures, or of an animation's "
                         "frames (PDQ); no server needed");
  auto options = std::make_shared<Options>();
  command->add_option("--profile", options->profile, "reference or full (no scaling first)")
      ->check(CLI::IsMember({"reference", "full"}))
      ->capture_default_str();
  command->add_option("--mode", options->mode, "exact, or fast: decoding shortcuts, a few bits off")
      ->check(CLI::IsMember({"exact", "fast"}))
      ->capture_default_str();
  command->add_flag("--dihedral", options->dihedral,
                    "all 8 orientations: hash,quality,orientation,filename");
  command->add_flag("--json", options->json, "one JSON object a line");
  command->add_option("FILE", options->files, "pictures")->required();
  command->callback([options, exit_code] { *exit_code = Hash(*options); });
}

}  // namespace vigie
