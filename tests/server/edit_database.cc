// edit_database FILE SQL: changes rows and gives them the sums that the program would.
#include <cstdio>

#include "tests/support/engine_fixtures.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const absl::Status status = vigie::testing::EditDatabase(argv[1], argv[2]);
  if (!status.ok()) std::fprintf(stderr, "edit_database: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
