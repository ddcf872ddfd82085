// vigie doctor: the machine and the configuration.
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/certificate.h"
#include "engine/base/simd.h"
#include "engine/match/image_hasher.h"
#include "server/app/canary_picture.h"
#include "server/app/decoders.h"
#include "server/app/policy_file.h"
#include "server/cli/cli.h"
#include "server/cli/doctor.h"

namespace vigie {
namespace {

constexpr int64_t kDay = 24 * 3600;
constexpr int64_t kWarnDays = 14;
// The database's log may grow to 192 MiB, and a checkpoint is written beside the one before it.
constexpr uint64_t kLeastFreeMib = 512;
// A picture this clear has nearly every bit of a PDQ decided.
constexpr int kCanaryQuality = 90;

absl::Status Wrong(std::string_view reason, std::string_view message) {
  return Error(absl::StatusCode::kFailedPrecondition, reason, message);
}

absl::StatusOr<CertificateDates> ReadDates(const std::string& chain, const std::string& key) {
  std::string chain_text;
  std::string key_text;
  VIGIE_ASSIGN_OR_RETURN(chain_text, ReadWholeFile(chain));
  if (!key.empty()) {
    VIGIE_ASSIGN_OR_RETURN(key_text, ReadWholeFile(key));
  }
  return CheckCertificateChain(chain_text, key_text);
}

void ExamineChain(std::string_view check, const std::string& chain, const std::string& key,
                  Findings& findings) {
  const auto dates = ReadDates(chain, key);
  if (!dates.ok()) {
    findings.Note(check, dates.status(), "");
    return;
  }
  const int64_t now = std::time(nullptr);
  const int64_t days = (dates->until - now) / kDay;
  if (now < dates->from) {
    findings.Note(check, Wrong("CERTIFICATE_INVALID", absl::StrCat(chain, " is not valid yet")),
                  "");
  } else if (now > dates->until) {
    findings.Note(
        check, Wrong("CERTIFICATE_INVALID", absl::StrCat(chain, " has ended ", -days, " days ago")),
        "");
  } else if (days < kWarnDays) {
    findings.Warn(check, absl::StrCat("ends in ", days, " days: renew it"));
  } else {
    findings.Note(check, absl::OkStatus(), absl::StrCat("valid for ", days, " more days"));
  }
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
  ExamineChain("certificate", config.tls_certificate, config.tls_key, findings);
  if (!config.tls_client_ca.empty()) {
    ExamineChain("clients' authority", config.tls_client_ca, "", findings);
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
