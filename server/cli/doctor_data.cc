// vigie doctor: the database, and what is derived from it.
#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "engine/base/signature.h"
#include "engine/catalog/audit.h"
#include "engine/catalog/self_check.h"
#include "server/cli/doctor.h"
#include "server/cli/progress.h"

namespace vigie {
namespace {

LoadProgress Show(Progress& progress) {
  return [&progress](uint64_t done, uint64_t total) { progress.Update(done, total); };
}

std::string Words(const IndexCheckReport& report) {
  std::string words = absl::StrCat(report.found, " sampled entries found, ", report.queries,
                                   " values near them answered as a comparison with every row (",
                                   report.hits, " hits)");
  if (report.changed > 0) {
    absl::StrAppend(&words, "; ", report.changed, " changed meanwhile and were left out");
  }
  return words;
}

void CompareIndex(std::string_view check, const Config& config, Store& store,
                  const Catalog& catalog, Findings& findings) {
  Progress progress("comparing the index with every row", 0);
  IndexCheckOptions options;
  options.max_distance = static_cast<int>(config.max_distance);
  const auto report = CheckIndex(store, catalog, options, Show(progress));
  findings.Note(check, report.status(), report.ok() ? Words(*report) : "");
}

// What a server would have in memory; one may be changing the database meanwhile.
CatalogOptions OptionsOf(const Config& config) {
  CatalogOptions options = CatalogOptionsOf(config);
  options.beside_writer = true;
  return options;
}

// Loads the checkpoint as a start would, and compares that too.
void ExamineCheckpoint(const Config& config, Store& store, Findings& findings) {
  if (!config.index_checkpoint) return;
  CatalogOptions options = OptionsOf(config);
  options.checkpoint_folder = CheckpointFolder(config.data_dir);
  if (access((options.checkpoint_folder + "/manifest").c_str(), F_OK) != 0) {
    findings.Note("checkpoint", absl::OkStatus(), "none yet");
    return;
  }
  Progress progress("loading the checkpoint", 0);
  auto catalog = Catalog::Open(store, SystemClock(), options, Show(progress));
  // A server may have replaced it while it was read.
  if (catalog.ok() && !(*catalog)->load_report().from_checkpoint) {
    catalog = Catalog::Open(store, SystemClock(), options, Show(progress));
  }
  if (!catalog.ok()) {
    findings.Note("checkpoint", catalog.status(), "");
    return;
  }
  const LoadReport& report = (*catalog)->load_report();
  if (report.checkpoint.code() == absl::StatusCode::kNotFound) {
    findings.Note("checkpoint", absl::OkStatus(), "none yet");
    return;
  }
  findings.Note("checkpoint", report.checkpoint,
                absl::StrCat("read; ", (*catalog)->rows_changed(), " rows have changed since"));
  if (report.from_checkpoint) {
    CompareIndex("checkpoint self-check", config, store, **catalog, findings);
  }
}

}  // namespace

void ExamineDatabase(Store& store, Findings& findings) {
  findings.Note("database integrity", store.CheckIntegrity(), "no damage");
}

void ExamineEvents(const Config& config, Store& store, Findings& findings) {
  const std::string path = AuditKeyPath(config.data_dir);
  if (access(path.c_str(), F_OK) != 0) {
    findings.Warn("events", absl::StrCat("there is no ", path,
                                         ": the chain cannot be verified here (vigie audit verify "
                                         "--public-key)"));
    return;
  }
  const auto key = SigningKey::LoadOrMake(path);
  if (!key.ok()) {
    findings.Note("events", key.status(), "");
    return;
  }
  const auto report = VerifyEvents(store, key->public_key(), std::nullopt);
  findings.Note("events", report.status(),
                report.ok() ? absl::StrCat(report->events, " events, chained; ", report->heads,
                                           " signed heads, up to event ", report->signed_until)
                            : "");
}

void ExamineIndex(const Config& config, Store& store, Findings& findings) {
  {
    Progress progress("loading fingerprints", 0);
    const auto catalog = Catalog::Open(store, SystemClock(), OptionsOf(config), Show(progress));
    findings.Note("catalogue", catalog.status(), "loads");
    if (!catalog.ok()) return;
    findings.Note("index", absl::OkStatus(),
                  absl::StrCat(config.index_kind, ", ", (*catalog)->index_stats().rows,
                               " rows, revision ", (*catalog)->revision()));
    CompareIndex("index self-check", config, store, **catalog, findings);
  }
  ExamineCheckpoint(config, store, findings);  // when the memory of the first is free again
}

}  // namespace vigie
