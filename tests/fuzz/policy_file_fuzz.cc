// Policy files: whatever is read is legal, whatever is refused has a reason and a message.
#include <cstdlib>
#include <string>

#include "server/app/policy_file.h"

namespace {

// What comes before the input, chosen by its first byte, so that short inputs reach every key.
constexpr const char* kBeginnings[] = {
    "",
    "name = \"a\"\n",
    "name = \"a\"\n[[rule]]\neffect = \"ignore\"\ncourt_basis = false\n",
    "name = \"a\"\n[[rule]]\neffect = \"hold_for_review\"\nstates = [\"",
    "name = \"a\"\n[[rule]]\neffect = \"report_only\"\nstates = [\"contested\"]\nfrom_distance = ",
    "name = \"a\"\n[[rule]]\nkinds = [\"allow\"]\neffect = \"",
    "name = \"a\"\n[[rule]]\neffect = \"block\"\nlists = [\"",
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const size_t choice = size == 0 ? 0 : data[0] % std::size(kBeginnings);
  const std::string rest =
      size == 0 ? "" : std::string(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto policy = vigie::ParsePolicy(kBeginnings[choice] + rest);
  if (!policy.ok()) {
    if (vigie::ReasonOf(policy.status()) != "CONFIG_INVALID") std::abort();
    if (policy.status().message().empty()) std::abort();
    return 0;
  }
  if (policy->name().empty()) std::abort();
  for (const vigie::PolicyRule& rule : policy->rules()) {
    if (!vigie::CheckRule(rule).ok() || vigie::InWords(rule).empty()) std::abort();
  }
  return 0;
}
