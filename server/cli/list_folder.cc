#include "server/cli/list_folder.h"

#include <new>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/match/submission.h"
#include "server/cli/cli.h"
#include "server/cli/files.h"
#include "server/cli/in_order.h"
#include "server/rpc/convert.h"

namespace vigie {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<v1::Entry> EntryOf(const std::string& file, const std::string& reference,
                                  bool local) {
  if (!IsUtf8(reference)) {
    return Error(absl::StatusCode::kInvalidArgument, "NAME_INVALID",
                 "the name is not UTF-8 text: rename the file");
  }
  // Reading a pipe or a device may never end.
  std::error_code unknown;
  if (!fs::is_regular_file(file, unknown)) {
    return Error(absl::StatusCode::kNotFound, "FILE_UNREADABLE", "not a file that can be read");
  }
  std::string bytes;
  VIGIE_ASSIGN_OR_RETURN(bytes, ReadWholeFile(file));
  thread_local PdqScratch scratch;
  constexpr Profile kProfile = Profile::kReference;
  HashedImage image;
  VIGIE_ASSIGN_OR_RETURN(image,
                         HashEncoded(AsBytes(bytes), SubmissionOptions(kProfile, local), scratch));
  Submission submission;
  VIGIE_ASSIGN_OR_RETURN(submission, SubmissionOf(AsBytes(bytes), kProfile, image));
  v1::Entry entry;
  entry.set_external_reference(reference);
  for (const Fingerprint& fingerprint : submission.fingerprints) {
    *entry.add_fingerprints() = ToProto(fingerprint);
  }
  entry.set_local_fingerprint(std::move(submission.local));
  return entry;
}

absl::StatusOr<v1::Entry> EntryOrError(const std::string& file, const std::string& reference,
                                       bool local) {
  try {
    return EntryOf(file, reference, local);
  } catch (const std::bad_alloc&) {
    return Error(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
                 "not enough memory; --threads 1 needs the least");
  }
}

}  // namespace

FolderSource::FolderSource(fs::path folder, std::vector<std::string> files, bool local, int threads)
    : folder_(std::move(folder)), files_(std::move(files)), local_(local), threads_(threads) {}

absl::StatusOr<FolderSource> FolderSource::Open(const std::string& folder, bool local,
                                                int threads) {
  std::vector<std::string> files = WithFoldersExpanded({folder});
  if (files == std::vector{folder}) {
    return Error(absl::StatusCode::kNotFound, "FILE_UNREADABLE",
                 absl::StrCat("cannot list ", folder, " and what is below it"));
  }
  return FolderSource(folder, std::move(files), local, threads);
}

absl::Status FolderSource::ForEach(const std::function<bool(ImportItem)>& take) {
  const auto reference = [this](size_t i) {
    return fs::path(files_[i]).lexically_relative(folder_).string();
  };
  InOrder<absl::StatusOr<v1::Entry>>(
      files_.size(), ThreadsFor(threads_),
      [&](size_t i) { return EntryOrError(files_[i], reference(i), local_); },
      [&](size_t i, absl::StatusOr<v1::Entry> entry) {
        return take({.place = reference(i), .entry = std::move(entry), .done = i + 1});
      });
  return absl::OkStatus();
}

}  // namespace vigie
