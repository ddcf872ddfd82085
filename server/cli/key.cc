// vigie key: access keys, written straight into the data folder of a server on this machine.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/app/config.h"
#include "server/auth/key_ring.h"
#include "server/cli/cli.h"
#include "server/cli/data_folder.h"
#include "server/cli/dates.h"

namespace vigie {
namespace {

constexpr TimeUs kHourUs = 3600 * kSecondUs;

struct KeyFlags {
  std::string data_dir = Config{}.data_dir;
  std::string organisation;
  std::string role;
  std::string label;
  std::string certificate;
  std::string valid_until;  // of the key
  int64_t valid_days = 0;   // likewise; 0: not given
  int64_t overlap_hours = 0;
  DesignationFlags designation;
  std::string id;
  bool json = false;
};

// When a key that is made now ends; 0: never.
absl::StatusOr<TimeUs> EndOf(const KeyFlags& options, TimeUs now) {
  if (options.valid_days != 0) return now + options.valid_days * 24 * kHourUs;
  if (options.valid_until.empty()) return 0;
  TimeUs until = 0;
  VIGIE_ASSIGN_OR_RETURN(until,
                         ParseTime("--valid_until", options.valid_until, /*end_of_day=*/true));
  if (until <= now) return UsageError("--valid_until is over already");
  return until;
}

// A new credential of this organisation and role: the certificate that was given, or a key.
absl::StatusOr<NewKey> MakeCredential(const KeyFlags& options, const std::string& organisation,
                                      Role role, const std::string& label, TimeUs now) {
  NewKey key;
  if (options.certificate.empty()) {
    VIGIE_ASSIGN_OR_RETURN(key, MakeKey(organisation, role, label, now));
  } else {
    std::string pem;
    VIGIE_ASSIGN_OR_RETURN(pem, ReadWholeFile(options.certificate));
    VIGIE_ASSIGN_OR_RETURN(key.record, MakeCertificateKey(pem, organisation, role, label, now));
  }
  VIGIE_ASSIGN_OR_RETURN(key.record.until_us, EndOf(options, now));
  return key;
}

// The text goes to standard output alone, for a file; what is said to a person does not.
void Show(const NewKey& key) {
  const bool certificate = key.record.credential == Credential::kCertificate;
  if (!certificate) std::puts(key.text.c_str());
  std::fprintf(stderr, "vigie: %s %s for %s (%s).%s%s%s\n", certificate ? "certificate" : "key",
               key.record.id.c_str(), key.record.organisation.c_str(),
               std::string(Name(key.record.role)).c_str(),
               key.record.until_us == 0 ? "" : " It ends ",
               key.record.until_us == 0 ? "" : (ToText(key.record.until_us) + ".").c_str(),
               certificate ? "" : " It is shown this once: keep it safe.");
}

// A trusted flagger without a designation could do nothing: its key is made with one, or after.
absl::Status SetDesignation(const KeyFlags& options, Role role, Store& store, TimeUs now) {
  OrganisationRecord organisation;
  VIGIE_ASSIGN_OR_RETURN(organisation, FindOrganisation(store, options.organisation));
  const DesignationFlags& flags = options.designation;
  const bool given = !flags.id.empty() || !flags.categories.empty() || !flags.valid_from.empty() ||
                     !flags.valid_until.empty();
  if (role != Role::kTrustedFlagger) {
    return given ? UsageError("only a trusted flagger has a designation") : absl::OkStatus();
  }
  if (!given && organisation.designation.has_value()) return absl::OkStatus();
  if (!given) {
    return UsageError(
        absl::StrCat(options.organisation,
                     " is not designated as a trusted flagger: run `vigie organisation set ",
                     options.organisation, " --data_dir ", options.data_dir,
                     " --designation ID --categories ncii,...` first, or give --designation here"));
  }
  VIGIE_ASSIGN_OR_RETURN(organisation.designation, Apply(flags, organisation.designation));
  organisation.updated_us = now;
  if (organisation.created_us == 0) organisation.created_us = now;
  return store.SetOrganisation(organisation);
}

absl::Status Create(const KeyFlags& options) {
  const auto role = Parse<Role>(options.role);
  if (!role.has_value()) return UsageError(absl::StrCat("--role is one of: ", Names<Role>()));
  VIGIE_RETURN_IF_ERROR(CheckOrganisationName("--org", options.organisation));
  const TimeUs now = SystemClock().Now();
  NewKey key;
  VIGIE_ASSIGN_OR_RETURN(key,
                         MakeCredential(options, options.organisation, *role, options.label, now));
  std::unique_ptr<Store> store;
  VIGIE_ASSIGN_OR_RETURN(store, OpenDataFolder(options.data_dir, /*make=*/true));
  VIGIE_RETURN_IF_ERROR(SetDesignation(options, *role, *store, now));
  VIGIE_RETURN_IF_ERROR(store->InsertKey(key.record));
  Show(key);
  return absl::OkStatus();
}

absl::Status Rotate(const KeyFlags& options) {
  std::unique_ptr<Store> store;
  VIGIE_ASSIGN_OR_RETURN(store, OpenDataFolder(options.data_dir, /*make=*/false));
  std::vector<KeyRecord> keys;
  VIGIE_ASSIGN_OR_RETURN(keys, store->ReadKeys());
  const auto found = std::find_if(keys.begin(), keys.end(),
                                  [&](const KeyRecord& key) { return key.id == options.id; });
  if (found == keys.end()) {
    return Error(absl::StatusCode::kNotFound, "KEY_NOT_FOUND",
                 "no key has this id: see `vigie key list`");
  }
  const KeyRecord& old = *found;
  if (old.credential == Credential::kCertificate && options.certificate.empty()) {
    return UsageError("this is a certificate: give the next one with --certificate");
  }
  const TimeUs now = SystemClock().Now();
  NewKey next;
  VIGIE_ASSIGN_OR_RETURN(next, MakeCredential(options, old.organisation, old.role, old.label, now));
  const TimeUs until = now + options.overlap_hours * kHourUs;
  VIGIE_RETURN_IF_ERROR(store->RotateKey(options.id, until, next.record));
  Show(next);
  const TimeUs end = old.until_us != 0 ? std::min(old.until_us, until) : until;
  std::fprintf(stderr, "vigie: key %s ends %s\n", old.id.c_str(), ToText(end).c_str());
  return absl::OkStatus();
}

absl::Status List(const KeyFlags& options) {
  std::unique_ptr<Store> store;
  VIGIE_ASSIGN_OR_RETURN(store, OpenDataFolder(options.data_dir, /*make=*/false));
  std::vector<KeyRecord> keys;
  VIGIE_ASSIGN_OR_RETURN(keys, store->ReadKeys());
  using Json = nlohmann::ordered_json;
  const auto time = [](TimeUs us) { return us == 0 ? Json(nullptr) : Json(ToText(us)); };
  if (!options.json) {
    std::puts("id\torganisation\trole\tkind\tcreated\tvalid_until\trevoked\tlabel");
  }
  for (const KeyRecord& key : keys) {
    if (options.json) {
      const Json line = {{"id", key.id},
                         {"organisation", key.organisation},
                         {"role", Name(key.role)},
                         {"kind", Name(key.credential)},
                         {"created", ToText(key.created_us)},
                         {"valid_until", time(key.until_us)},
                         {"revoked", time(key.revoked_us)},
                         {"label", key.label}};
      std::puts(line.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
    } else {
      std::printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", key.id.c_str(), key.organisation.c_str(),
                  std::string(Name(key.role)).c_str(), std::string(Name(key.credential)).c_str(),
                  ToText(key.created_us).c_str(), ToText(key.until_us).c_str(),
                  ToText(key.revoked_us).c_str(), key.label.c_str());
    }
  }
  return absl::OkStatus();
}

absl::Status Revoke(const KeyFlags& options) {
  std::unique_ptr<Store> store;
  VIGIE_ASSIGN_OR_RETURN(store, OpenDataFolder(options.data_dir, /*make=*/false));
  VIGIE_RETURN_IF_ERROR(store->RevokeKey(options.id, SystemClock().Now()));
  std::fprintf(stderr, "vigie: key %s is revoked\n", options.id.c_str());
  return absl::OkStatus();
}

// The flags that say how long a new key is valid, and which certificate stands for one.
void AddNewKeyOptions(CLI::App& command, KeyFlags* options) {
  CLI::Option* until = command.add_option("--valid_until", options->valid_until,
                                          "last day (or end) of the key, UTC; default: no end");
  command.add_option("--valid_days", options->valid_days, "the key ends after so many days")
      ->check(CLI::Range(1, 36500))
      ->excludes(until);
  command.add_option("--certificate", options->certificate,
                     "a client certificate (PEM file) that stands for a key; for servers with "
                     "tls.client_ca");
}

void AddCreate(CLI::App& app, const std::shared_ptr<KeyFlags>& options) {
  app.add_option("--org", options->organisation, "organisation it speaks for (a-z, 0-9, -)")
      ->required();
  app.add_option("--role", options->role, Names<Role>())->required();
  app.add_option("--label", options->label, "a note for yourself");
  AddNewKeyOptions(app, options.get());
  app.add_option("--designation", options->designation.id,
                 "trusted_flagger: what designates the organisation, set in the same go");
  app.add_option("--categories", options->designation.categories,
                 "trusted_flagger: it may submit: all, or some of " + Names<Category>());
  app.add_option("--designation_until", options->designation.valid_until,
                 "trusted_flagger: last day (or end) of the designation, UTC");
}

}  // namespace

void AddKey(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand(
      "key", "Make, list, rotate and revoke access keys, on the server's machine");
  command->require_subcommand(1);
  auto options = std::make_shared<KeyFlags>();
  const auto add = [&](const char* name, const char* what, absl::Status (*run)(const KeyFlags&)) {
    CLI::App* sub = command->add_subcommand(name, what);
    AddDataDirOption(*sub, &options->data_dir);
    sub->callback([options, exit_code, run] {
      const absl::Status status = run(*options);
      *exit_code = status.ok() ? kExitOk : Fail(status);
    });
    return sub;
  };
  AddCreate(*add("create", "Print a new key; it is shown this once", Create), options);
  add("list", "List keys (never their secrets)", List)
      ->add_flag("--json", options->json, "one JSON object a line");
  CLI::App* rotate = add("rotate", "Print a new key in the place of another, which ends", Rotate);
  rotate->add_option("ID", options->id, "the id of the key that ends")->required();
  rotate
      ->add_option("--overlap_hours", options->overlap_hours,
                   "how long the old key still works beside the new one; default: not at all")
      ->check(CLI::Range(0, 8784));
  AddNewKeyOptions(*rotate, options.get());
  add("revoke", "Revoke a key, also in a running server", Revoke)
      ->add_option("ID", options->id, "the key's id")
      ->required();
}

}  // namespace vigie
