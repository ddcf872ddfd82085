// vigie manual: the manual page, written from the commands themselves.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "server/app/config.h"
#include "server/cli/cli.h"
#include "server/cli/command_tree.h"

namespace vigie {
namespace {

// Text that roff takes for nothing but text.
std::string Escaped(std::string_view text) {
  std::string out = absl::StrReplaceAll(
      ToAbsl(text), {{"\\", "\\e"}, {"-", "\\-"}, {"~", "\\(ti"}, {"^", "\\(ha"}, {"`", "\\(ga"}});
  out = absl::StrReplaceAll(out, {{"\n.", "\n\\&."}, {"\n'", "\n\\&'"}});
  return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

std::string Sentence(std::string text) {
  if (!text.empty() && text.back() != '.') text += '.';
  return Escaped(text);
}

// A paragraph a line: the lines of a footer are broken where a terminal would.
std::string Lines(const std::string& text) {
  std::string out;
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  for (const std::string& line : lines) {
    if (!line.empty()) absl::StrAppend(&out, Escaped(line), "\n");
  }
  return out;
}

const Setting* SettingOf(const OptionFacts& option) {
  for (const Setting& setting : Settings()) {
    if (!option.names.empty() && option.names.front() == setting.flag()) return &setting;
  }
  return nullptr;
}

void AppendOption(const OptionFacts& option, std::string* out) {
  absl::StrAppend(out, ".TP\n", option.positional ? ".I " : ".B ",
                  Escaped(absl::StrJoin(option.names, ", ")));
  if (!option.positional && !option.value.empty()) {
    absl::StrAppend(out, " \\fI", Escaped(option.value), "\\fR");
  }
  absl::StrAppend(out, "\n", option.help.empty() ? "See above." : Sentence(option.help), "\n");
  if (!option.choices.empty()) {
    absl::StrAppend(out, "One of: ", Escaped(absl::StrJoin(option.choices, ", ")), ".\n");
  }
  if (option.required) absl::StrAppend(out, "Required.\n");
  if (option.repeated) absl::StrAppend(out, "May be given several times.\n");
  if (!option.default_value.empty()) {
    absl::StrAppend(out, "Default: ", Escaped(option.default_value), ".\n");
  }
  if (!option.environment.empty()) {
    absl::StrAppend(out, "Environment: ", Escaped(option.environment), ".\n");
  }
}

void AppendCommand(const CommandFacts& command, std::string* out) {
  std::string synopsis = Escaped(command.path);
  bool settings = false;
  for (const OptionFacts& option : command.options) {
    if (option.positional) absl::StrAppend(&synopsis, " ", Escaped(option.names.front()));
    settings = settings || SettingOf(option) != nullptr;
  }
  absl::StrAppend(out, ".SS \"", synopsis, "\"\n", Sentence(command.help), "\n");
  if (!command.footer.empty()) absl::StrAppend(out, ".PP\n", Lines(command.footer));
  if (settings) absl::StrAppend(out, ".PP\nTakes every setting, see SETTINGS, and:\n");
  for (const OptionFacts& option : command.options) {
    if (SettingOf(option) == nullptr) AppendOption(option, out);
  }
  for (const CommandFacts& each : command.commands) AppendCommand(each, out);
}

std::string SettingList() {
  std::string out;
  const Config defaults;
  for (const Setting& setting : Settings()) {
    absl::StrAppend(&out, ".TP\n.B ", Escaped(setting.key), "\n",
                    Sentence(std::string(setting.help)), "\n");
    if (!setting.accepted.empty()) {
      absl::StrAppend(&out, "One of: ", Escaped(absl::StrJoin(setting.accepted, ", ")), ".\n");
    }
    const std::string value = setting.get(defaults);
    if (!value.empty()) absl::StrAppend(&out, "Default: ", Escaped(value), ".\n");
    if (setting.live) absl::StrAppend(&out, "A reload puts it in force.\n");
    absl::StrAppend(&out, Escaped(setting.flag()), ", ", Escaped(setting.environment()), ".\n");
  }
  return out;
}

void CollectEnvironment(const CommandFacts& command, std::map<std::string, std::string>* found) {
  for (const OptionFacts& option : command.options) {
    if (!option.environment.empty() && SettingOf(option) == nullptr) {
      (*found)[option.environment] = option.names.front();
    }
  }
  for (const CommandFacts& each : command.commands) CollectEnvironment(each, found);
}

std::string EnvironmentList(const CommandFacts& program) {
  std::map<std::string, std::string> found;
  CollectEnvironment(program, &found);
  std::string out;
  for (const auto& [variable, option] : found) {
    absl::StrAppend(&out, ".TP\n.B ", Escaped(variable), "\nStands for ", Escaped(option), ".\n");
  }
  return out;
}

constexpr std::string_view kAround = R"(.TP
.B VIGIE_KEY
Your key, for the commands that ask a server. Arguments can be seen by other users, so there is no
option for it.
.TP
.B VIGIE_SIMD
Forces the SIMD kernels that
.B vigie doctor
lists.
.TP
.B VIGIE_...
Each setting, see SETTINGS.
.TP
.B NOTIFY_SOCKET
Set by
.BR systemd (1):
.B vigie serve
tells it when it is ready, reloads and stops.
.SH SIGNALS
.TP
.BR SIGTERM ", " SIGINT
.B vigie serve
says NOT_SERVING, finishes what is in flight, and ends.
.TP
.B SIGHUP
.B vigie serve
reads its configuration, policy and certificates again. What is not valid changes nothing.
.SH FILES
.TP
.I /etc/vigie/vigie.toml
The configuration of the service that the Debian package installs.
.TP
.I /var/lib/vigie
Its data folder.
.TP
.IR data_dir /vigie.db
The database: lists, entries, keys, events.
.TP
.IR data_dir /audit.key
Signs heads of the chain of events. Back it up apart from the database.
.TP
.IR data_dir /checkpoint
A copy of the index for a fast start. Derived: it may be deleted.
.SH EXAMPLES
.EX
vigie key create \-\-org a\-forum \-\-role platform > forum.key
vigie serve \-\-config /etc/vigie/vigie.toml \-\-check\-config
vigie serve \-\-config /etc/vigie/vigie.toml
vigie check upload.jpg \-\-key\-file forum.key
vigie health && echo it serves
.EE
)";

}  // namespace

std::string ManualPage(const CommandFacts& program) {
  std::string out = absl::StrCat(
      ".\\\" Written by `vigie manual`.\n.TH VIGIE 1 \"\" \"vigie ", VIGIE_VERSION,
      "\" \"Vigie\"\n.SH NAME\nvigie \\- recognise known intimate and abusive pictures\n"
      ".SH SYNOPSIS\n.B vigie\n.I COMMAND\n.RI [ OPTION ...]\n.SH DESCRIPTION\n",
      Sentence(program.help), "\nEach command, and what it consists of, explains itself with\n",
      ".BR \\-\\-help .\n.SH OPTIONS\n");
  for (const OptionFacts& option : program.options) AppendOption(option, &out);
  absl::StrAppend(&out, ".SH COMMANDS\n");
  for (const CommandFacts& command : program.commands) AppendCommand(command, &out);
  absl::StrAppend(&out,
                  ".SH SETTINGS\nOf the server. Each is a key of the TOML file, an option, and an "
                  "environment variable;\noptions count most, then the environment, then the "
                  "file.\n",
                  SettingList(), ".SH EXIT STATUS\n", Lines(program.footer), ".SH ENVIRONMENT\n",
                  EnvironmentList(program), ToAbsl(kAround));
  return out;
}

void AddManual(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand("manual", "Print the manual page (roff)");
  command->footer("To read it: vigie manual | man -l -");
  command->callback([&app, exit_code] {
    std::fputs(ManualPage(Describe(app)).c_str(), stdout);
    *exit_code = kExitOk;
  });
}

}  // namespace vigie
