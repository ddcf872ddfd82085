// vigie doctor: is this installation sound? Reads only; a server may be running meanwhile.
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/simd.h"
#include "engine/store/sqlite_store.h"
#include "server/app/instance.h"
#include "server/cli/cli.h"
#include "server/cli/progress.h"
#include "server/cli/setting_flags.h"

namespace vigie {
namespace {

constexpr uint64_t kSamples = 1000;

struct Finding {
  std::string check;
  absl::Status status;
  std::string detail;
};

class Doctor {
 public:
  std::vector<Finding> Examine(const SettingFlags& flags) {
    Note("kernels", absl::OkStatus(),
         absl::StrCat(ActiveSimdTarget(), " in use, of ", absl::StrJoin(SimdTargets(), ", ")));
    const auto config = flags.Read();
    Note("configuration", config.status(), "valid");
    if (!config.ok()) return findings_;
    struct stat facts {};
    if (stat(DatabasePath(config->data_dir).c_str(), &facts) != 0) {
      Note("database", absl::OkStatus(),
           absl::StrCat("none yet in ", config->data_dir, ": the server makes it"));
      return findings_;
    }
    Note("database file mode",
         (facts.st_mode & 077) == 0 ? absl::OkStatus()
                                    : Error(absl::StatusCode::kFailedPrecondition, "FILE_READABLE",
                                            "others may read the database: chmod 600 it"),
         "only its owner may read it");
    const auto store = OpenSqliteStore(DatabasePath(config->data_dir));
    Note("database", store.status(), "opens");
    if (!store.ok()) return findings_;
    Note("database integrity", (*store)->CheckIntegrity(), "no damage");
    ExamineIndex(*config, **store);
    return findings_;
  }

 private:
  void Note(std::string check, absl::Status status, std::string detail) {
    if (!status.ok()) detail = std::string(status.message());
    findings_.push_back({std::move(check), std::move(status), std::move(detail)});
  }

  void ExamineIndex(const Config& config, Store& store) {
    Progress progress("loading fingerprints", 0);
    const auto catalog =
        Catalog::Open(store, SystemClock(), CatalogOptionsOf(config),
                      [&progress](uint64_t done, uint64_t total) { progress.Update(done, total); });
    Note("catalogue", catalog.status(), "loads");
    if (!catalog.ok()) return;
    Note("index", absl::OkStatus(),
         absl::StrCat(config.index_kind, ", ", (*catalog)->index_stats().rows, " rows, revision ",
                      (*catalog)->revision()));
    uint64_t found = 0;
    const absl::Status sampled = FindSamples(store, **catalog, &found);
    Note("index self-check", sampled, absl::StrCat(found, " sampled entries found"));
  }

  // Every sampled row that acts must be found by its own value.
  absl::Status FindSamples(Store& store, const Catalog& catalog, uint64_t* found) {
    const auto counters = store.ReadCounters();
    if (!counters.ok()) return counters.status();
    const uint64_t step = std::max<uint64_t>(1, counters->rows / kSamples);
    std::vector<FingerprintRow> samples;
    VIGIE_RETURN_IF_ERROR(store.ScanFingerprints([&](const FingerprintRow& row) {
      if (row.fingerprint.algorithm == Algorithm::kPdq && row.row % step == 0) {
        samples.push_back(row);
      }
      return absl::OkStatus();
    }));
    for (const FingerprintRow& row : samples) {
      if (!catalog.IsActing(row.entry)) continue;
      const Pdq256 hash = PdqOf(row.fingerprint);
      std::vector<JoinedHit> hits;
      VIGIE_ASSIGN_OR_RETURN(hits, catalog.FindNear({&hash, 1}, 0));
      const bool self = std::any_of(hits.begin(), hits.end(), [&row](const JoinedHit& hit) {
        return hit.row.entry == row.entry && hit.row.position == row.position;
      });
      if (!self) {
        return Error(absl::StatusCode::kInternal, "INDEX_INCOMPLETE",
                     absl::StrCat("row ", row.row, " is in the database and not in the index"));
      }
      ++*found;
    }
    return absl::OkStatus();
  }

  std::vector<Finding> findings_;
};

int Print(const std::vector<Finding>& findings, bool json) {
  bool sound = true;
  auto list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    sound = sound && finding.status.ok();
    if (json) {
      list.push_back({{"check", finding.check},
                      {"ok", finding.status.ok()},
                      {"reason", ReasonOf(finding.status)},
                      {"detail", finding.detail}});
    } else {
      std::printf("%-4s %s: %s\n", finding.status.ok() ? "ok" : "BAD", finding.check.c_str(),
                  finding.detail.c_str());
    }
  }
  if (json) {
    const nlohmann::ordered_json report = {{"sound", sound}, {"checks", list}};
    std::puts(report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  }
  return sound ? kExitOk : kExitSomeFailed;
}

}  // namespace

void AddDoctor(CLI::App& app, int* exit_code) {
  CLI::App* command =
      app.add_subcommand("doctor", "Check configuration, database and index of this machine");
  auto flags = std::make_shared<SettingFlags>(*command);
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "print a JSON object");
  command->callback(
      [flags, json, exit_code] { *exit_code = Print(Doctor().Examine(*flags), *json); });
}

}  // namespace vigie
