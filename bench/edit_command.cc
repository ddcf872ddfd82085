// vigie-bench edit: writes altered copies of pictures, as people post them again.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <opencv2/imgcodecs.hpp>
#include <set>
#include <string>
#include <vector>

#include "bench/bench.h"
#include "bench/edits.h"

namespace vigie::bench {
namespace {

namespace fs = std::filesystem;

struct EditFlags {
  std::vector<std::string> files;
  std::string out;
  std::vector<std::string> edits;
  bool list = false;
};

int PrintTable() {
  for (const Edit& edit : Edits()) {
    std::printf("%-20s %s\n", std::string(edit.name).c_str(), std::string(edit.what).c_str());
  }
  return kExitOk;
}

// Empty when it cannot be read. cv::imread would print warnings of its own.
std::vector<uint8_t> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool WriteFile(const fs::path& path, const std::vector<uint8_t>& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  file.close();
  return !file.fail();
}

int WriteCopies(const std::string& file, const fs::path& out,
                const std::vector<const Edit*>& edits) {
  // As stored, like the engine: a copy shall not be turned by the original's orientation tag.
  const std::vector<uint8_t> bytes = ReadFile(file);
  const cv::Mat picture =
      bytes.empty() ? cv::Mat()
                    : cv::imdecode(bytes, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
  if (picture.empty()) return Complain(kExitSomeFailed, file + ": not a picture we can read");
  for (const Edit* edit : edits) {
    const fs::path copy =
        out / (fs::path(file).stem().string() + "--" + std::string(edit->name) + ".jpg");
    if (!WriteFile(copy, EditedJpeg({.picture = picture}, *edit))) {
      return Complain(kExitFailed, "cannot write " + copy.string());
    }
  }
  return kExitOk;
}

int RunEdits(const EditFlags& options) {
  if (options.list) return PrintTable();
  if (options.files.empty() || options.out.empty()) {
    return Complain(kExitUsage, "name pictures and --out, or use --list");
  }
  std::vector<const Edit*> edits;
  for (const std::string& name : options.edits) {
    edits.push_back(FindEdit(name));
    if (edits.back() == nullptr) {
      return Complain(kExitUsage, "no edit '" + name + "': `vigie-bench edit --list` names them");
    }
  }
  if (edits.empty()) {
    for (const Edit& edit : Edits()) edits.push_back(&edit);
  }
  std::set<fs::path> stems;
  for (const std::string& file : options.files) {
    if (!stems.insert(fs::path(file).stem()).second) {
      return Complain(kExitUsage, file + ": a second picture of this name would overwrite copies");
    }
  }
  std::error_code error;
  fs::create_directories(options.out, error);
  if (error) return Complain(kExitFailed, "cannot make " + options.out + ": " + error.message());
  int exit_code = kExitOk;
  for (const std::string& file : options.files) {
    int code = kExitOk;
    try {
      code = WriteCopies(file, options.out, edits);
    } catch (const cv::Exception& e) {
      code = Complain(kExitSomeFailed, file + ": " + e.err);
    }
    if (code == kExitFailed) return code;
    if (code != kExitOk) exit_code = code;
  }
  return exit_code;
}

}  // namespace

void AddEdit(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand("edit", "Write altered copies of pictures, as JPEG");
  auto options = std::make_shared<EditFlags>();
  command->add_option("FILE", options->files, "pictures");
  command->add_option("--out", options->out, "folder for the copies; made when missing")
      ->type_name("DIR");
  command->add_option("--edits", options->edits, "only these, joined with commas; default: all")
      ->delimiter(',')
      ->allow_extra_args(false)  // what follows is FILE
      ->type_name("a,b,c");
  command->add_flag("--list", options->list, "print the edits and what they are");
  command->footer(
      "The copies are named <stem>--<edit>.jpg. The same picture and edit always give\n"
      "the same copy.");
  command->callback([options, exit_code] { *exit_code = RunEdits(*options); });
}

}  // namespace vigie::bench
