// What `vigie doctor` looks at, and what it found.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/store/store.h"
#include "server/app/config.h"

namespace vigie {

struct Finding {
  std::string check;
  absl::Status status;
  std::string detail;
  bool warning = false;  // sound, and somebody should look at it soon
};

class Findings {
 public:
  // `detail` is said when `status` is OK; otherwise its message is.
  void Note(std::string_view check, const absl::Status& status, std::string detail);
  void Warn(std::string_view check, std::string detail);

  const std::vector<Finding>& all() const { return all_; }
  bool sound() const;

 private:
  std::vector<Finding> all_;
};

// The machine and the configuration (doctor_machine.cc).
void ExamineKernels(Findings& findings);
void ExamineDecoder(const Config& config, Findings& findings);
void ExamineCertificates(const Config& config, Findings& findings);
void ExaminePolicy(const Config& config, Findings& findings);
void ExamineDataFolder(const Config& config, Findings& findings);

// The database, and what is derived from it (doctor_data.cc). Long work shows its progress on
// standard error.
void ExamineDatabase(Store& store, Findings& findings);
void ExamineEvents(const Config& config, Store& store, Findings& findings);
void ExamineIndex(const Config& config, Store& store, Findings& findings);

}  // namespace vigie
