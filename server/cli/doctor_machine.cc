// vigie doctor: the machine and the configuration.
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/clock.h"
#include "engine/base/simd.h"
#include "engine/match/image_hasher.h"
#include "server/app/canary_picture.h"
#include "server/app/decoders.h"
#include "server/app/policy_file.h"
#include "server/app/tls_files.h"
#include "server/cli/cli.h"
#include "server/cli/doctor.h"

namespace vigie {
namespace {

constexpr int64_t kWarnDays = 14;
// The database's log may grow to 192 MiB, and a checkpoint is written beside the one before it.
constexpr uint64_t kLeastFreeMib = 512;
// A picture this clear has nearly every bit of a PDQ decided.
constexpr int kCanaryQuality = 90;

absl::Status Wrong(std::string_view reason, std::string_view message) {
  return Error(absl::StatusCode::kFailedPrecondition, reason, message);
}

}  // namespace

void ExamineKernels(Findings& findings) {
  findings.Note(
      "kernels", absl::OkStatus(),
      absl::StrCat(ActiveSimdTarget(), " in use, of ", absl::StrJoin(SimdTargets(), ", ")));
}

void ExamineDecoder(const Config& config, Findings& findings) {
  const std::string picture = CanaryPicture();
  const auto decoders = StartDecoders(config);
  if (!decoders.ok()) {
    findings.Note("decoder", decoders.status(), "");
    return;
  }
  const InProcessHasher in_process(SystemClock());
  const ImageHasher& hasher =
      *decoders == nullptr ? static_cast<const ImageHasher&>(in_process) : **decoders;
  const auto image = hasher.Hash(AsBytes(picture), {}, std::numeric_limits<TimeUs>::max());
  if (!image.ok()) {
    findings.Note("decoder", image.status(), "");
    return;
  }
  const bool sound =
      image->frames.size() == 1 && image->frames.front().pdq.quality >= kCanaryQuality;
  findings.Note("decoder",
                sound ? absl::OkStatus()
                      : Wrong("IMAGE_CORRUPT", "a generated picture is not what it should be"),
                *decoders == nullptr ? "a generated picture is decoded and hashed"
                                     : "a generated picture is decoded and hashed behind the wall");
}

void ExamineCertificates(const Config& config, Findings& findings) {
  if (config.tls_certificate.empty()) return;
  const TimeUs now = SystemClock().Now();
  const auto tls = ReadTlsFiles(TlsFilesOf(config), now);
  const int64_t days = tls.ok() ? (tls->not_after - now) / kDayUs : 0;
  if (tls.ok() && days < kWarnDays) {
    findings.Warn("certificate", absl::StrCat("ends in ", days, " days: renew it"));
  } else {
    findings.Note("certificate", tls.status(), absl::StrCat("valid for ", days, " more days"));
  }
  struct stat facts {};
  const bool open = stat(config.tls_key.c_str(), &facts) == 0 && (facts.st_mode & 007) != 0;
  findings.Note("private key's mode",
                open ? Wrong("FILE_READABLE", absl::StrCat("everybody may read or change ",
                                                           config.tls_key, ": chmod 600 it"))
                     : absl::OkStatus(),
                "not for everybody");
}

void ExaminePolicy(const Config& config, Findings& findings) {
  if (config.policy_file.empty()) return;
  const auto policy = ReadPolicyFile(config.policy_file);
  findings.Note(
      "policy", policy.status(),
      policy.ok() ? absl::StrCat(policy->name(), ", ", policy->rules().size(), " rules") : "");
}

void ExamineDataFolder(const Config& config, Findings& findings) {
  absl::Status mode;
  size_t files = 0;
  std::error_code error;
  const auto look = [&](const std::string& path) {
    struct stat facts {};
    ++files;
    if (mode.ok() && lstat(path.c_str(), &facts) == 0 && (facts.st_mode & 077) != 0) {
      mode = Wrong("FILE_READABLE",
                   absl::StrCat("others may read ", path,
                                S_ISDIR(facts.st_mode) ? ": chmod 700 it" : ": chmod 600 it"));
    }
  };
  look(config.data_dir);
  for (std::filesystem::recursive_directory_iterator it(config.data_dir, error), end;
       !error && it != end; it.increment(error)) {
    look(it->path());
  }
  findings.Note("file modes", mode, absl::StrCat(files, " files and folders for their owner only"));

  struct statvfs disk {};
  if (statvfs(config.data_dir.c_str(), &disk) != 0) return;
  const uint64_t mib = uint64_t{disk.f_bavail} * disk.f_frsize >> 20;
  findings.Note("disk space",
                mib >= kLeastFreeMib
                    ? absl::OkStatus()
                    : Wrong("DISK_FULL", absl::StrCat(mib, " MiB are free, fewer than ",
                                                      kLeastFreeMib, ": changes may be refused")),
                absl::StrCat(mib, " MiB are free"));
}

}  // namespace vigie
