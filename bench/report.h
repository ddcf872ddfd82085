// What the suites' JSON files say, as sections of a page.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bench/page.h"

namespace vigie::bench {

// A file of a suite. "search", "hash", "start", "trust", "server"; empty: not one of them.
std::string SuiteOf(const nlohmann::json& json);

// Writes what the file holds. Throws nlohmann::json::exception when it is not as the suite writes
// it.
void AddSuite(const std::string& suite, const nlohmann::json& json, Page& page);

}  // namespace vigie::bench
