// What `vigie-bench trust` measures: the figures that lists people rely on must reach.
#pragma once

#include <cstdint>
#include <string>

#include "bench/pacing.h"

namespace vigie::bench {

struct TrustOptions {
  size_t entries = 1'000'000;
  std::string program;   // of `vigie`
  size_t rounds = 500;   // submit
  double checks = 1000;  // submit: checks a second beside
  size_t expiring = 100'000;
  double seconds = 5;  // expiry: of queries before
};

// From the start of a flagger's upload call to a platform's PROVISIONAL_BLOCK on another
// connection, asked for once, when the upload was acknowledged.
struct SubmitResult {
  LatencySummary acknowledged;
  LatencySummary blocked;
  size_t missed = 0;  // rounds in which that check did not get PROVISIONAL_BLOCK by the new entry
  LoadResult checks;
};
SubmitResult MeasureSubmit(const TrustOptions& options);

struct ExpiryResult {
  LatencySummary idle;
  LatencySummary during;   // from the second in which they expire until all are written down
  double written_s = 0;    // how long that took
  size_t found_after = 0;  // expired entries that still matched
  size_t not_written = 0;  // that the database does not call expired
};
ExpiryResult MeasureExpiry(const TrustOptions& options);

struct UploadRate {
  double seconds = 0;
  double per_second = 0;
  double server_cpu_us = 0;  // an entry
  double client_cpu_us = 0;
  size_t missing = 0;  // of the sample that was looked up afterwards
};
struct UploadRates {
  UploadRate engine;  // Catalog::Upload(), no network
  UploadRate stream;  // UploadEntries of one caller, references derived from the values
  UploadRate named;   // the same, with references in order
  UploadRate import;  // the command `vigie list import`
};
UploadRates MeasureUpload(const TrustOptions& options);

struct AuditResult {
  uint64_t events = 0;
  double append_s = 0;
  double verify_s = 0;
  bool found_edit = false;
};
AuditResult MeasureAudit(const TrustOptions& options);

}  // namespace vigie::bench
