// vigie key: access keys, written straight into the data folder of a server on this machine.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/store/sqlite_store.h"
#include "server/app/instance.h"
#include "server/auth/key_ring.h"
#include "server/cli/cli.h"

namespace vigie {
namespace {

struct Options {
  std::string data_dir = Config{}.data_dir;
  std::string organisation;
  std::string role;
  std::string label;
  std::string id;
  bool json = false;
};

// `make`: the folder and the database may be new. Otherwise a mistyped folder is an error.
absl::StatusOr<std::unique_ptr<Store>> OpenStore(const Options& options, bool make) {
  if (make) {
    VIGIE_RETURN_IF_ERROR(EnsureDataDir(options.data_dir));
  } else if (access(DatabasePath(options.data_dir).c_str(), F_OK) != 0) {
    return Error(absl::StatusCode::kNotFound, "DATA_DIR_FAILED",
                 absl::StrCat("there is no database in ", options.data_dir));
  }
  return OpenSqliteStore(DatabasePath(options.data_dir));
}

std::string ToText(TimeUs us) {
  if (us == 0) return "-";
  const std::time_t seconds = us / kSecondUs;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

int Create(const Options& options) {
  const auto role = Parse<Role>(options.role);
  if (!role.has_value()) {
    return Fail(Error(absl::StatusCode::kInvalidArgument, "USAGE",
                      absl::StrCat("--role is one of: ", Names<Role>())));
  }
  if (!IsName(options.organisation)) {
    return Fail(Error(absl::StatusCode::kInvalidArgument, "USAGE",
                      "--org has 1 to 63 characters a-z, 0-9 and '-', begins with a letter and "
                      "does not end with '-'"));
  }
  const auto store = OpenStore(options, /*make=*/true);
  if (!store.ok()) return Fail(store.status());
  const auto key = MakeKey(options.organisation, *role, options.label, SystemClock().Now());
  if (!key.ok()) return Fail(key.status());
  const absl::Status status = (*store)->InsertKey(key->record);
  if (!status.ok()) return Fail(status);
  std::puts(key->text.c_str());
  std::fprintf(stderr, "vigie: key %s for %s (%s). It is shown this once: keep it safe.\n",
               key->record.id.c_str(), options.organisation.c_str(), options.role.c_str());
  return kExitOk;
}

int List(const Options& options) {
  const auto store = OpenStore(options, /*make=*/false);
  if (!store.ok()) return Fail(store.status());
  const auto keys = (*store)->ReadKeys();
  if (!keys.ok()) return Fail(keys.status());
  if (!options.json) std::puts("id\torganisation\trole\tcreated\trevoked\tlabel");
  for (const KeyRecord& key : *keys) {
    if (options.json) {
      const nlohmann::ordered_json line = {
          {"id", key.id},
          {"organisation", key.organisation},
          {"role", Name(key.role)},
          {"created", ToText(key.created_us)},
          {"revoked", key.revoked_us == 0 ? nlohmann::ordered_json(nullptr)
                                          : nlohmann::ordered_json(ToText(key.revoked_us))},
          {"label", key.label}};
      std::puts(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    } else {
      std::printf("%s\t%s\t%s\t%s\t%s\t%s\n", key.id.c_str(), key.organisation.c_str(),
                  std::string(Name(key.role)).c_str(), ToText(key.created_us).c_str(),
                  ToText(key.revoked_us).c_str(), key.label.c_str());
    }
  }
  return kExitOk;
}

int Revoke(const Options& options) {
  const auto store = OpenStore(options, /*make=*/false);
  if (!store.ok()) return Fail(store.status());
  const absl::Status status = (*store)->RevokeKey(options.id, SystemClock().Now());
  if (!status.ok()) return Fail(status);
  std::fprintf(stderr, "vigie: key %s is revoked\n", options.id.c_str());
  return kExitOk;
}

}  // namespace

void AddKey(CLI::App& app, int* exit_code) {
  CLI::App* command =
      app.add_subcommand("key", "Make, list and revoke access keys, on the server's machine");
  command->require_subcommand(1);
  auto options = std::make_shared<Options>();
  const auto add_data_dir = [&options](CLI::App* sub) {
    sub->add_option("--data_dir", options->data_dir, "the server's data folder")
        ->envname("VIGIE_DATA_DIR")
        ->capture_default_str();
  };

  CLI::App* create = command->add_subcommand("create", "Print a new key; it is shown this once");
  add_data_dir(create);
  create->add_option("--org", options->organisation, "organisation it speaks for (a-z, 0-9, -)")
      ->required();
  create->add_option("--role", options->role, Names<Role>())->required();
  create->add_option("--label", options->label, "a note for yourself");
  create->callback([options, exit_code] { *exit_code = Create(*options); });

  CLI::App* list = command->add_subcommand("list", "List keys (never their secrets)");
  add_data_dir(list);
  list->add_flag("--json", options->json, "one JSON object a line");
  list->callback([options, exit_code] { *exit_code = List(*options); });

  CLI::App* revoke = command->add_subcommand("revoke", "Revoke a key, also in a running server");
  add_data_dir(revoke);
  revoke->add_option("ID", options->id, "the key's id")->required();
  revoke->callback([options, exit_code] { *exit_code = Revoke(*options); });
}

}  // namespace vigie
