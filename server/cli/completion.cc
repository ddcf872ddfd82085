// vigie completion: scripts for shells, written from the commands themselves.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "server/cli/cli.h"
#include "server/cli/command_tree.h"

namespace vigie {
namespace {

void ForEachCommand(const CommandFacts& command,
                    const std::function<void(const CommandFacts&)>& visit) {
  visit(command);
  for (const CommandFacts& each : command.commands) ForEachCommand(each, visit);
}

std::string CommandNames(const CommandFacts& command) {
  return absl::StrJoin(command.commands, " ", [](std::string* out, const CommandFacts& each) {
    absl::StrAppend(out, each.name());
  });
}

std::string OptionNames(const CommandFacts& command) {
  std::vector<std::string> names;
  for (const OptionFacts& option : command.options) {
    if (!option.positional) names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return absl::StrJoin(names, " ");
}

// "<command> <option>" of each option that takes a value, with the values that it takes.
std::string ValueCases(const CommandFacts& program) {
  std::string cases;
  ForEachCommand(program, [&cases](const CommandFacts& command) {
    for (const OptionFacts& option : command.options) {
      if (option.positional || option.value.empty()) continue;
      for (const std::string& name : option.names) {
        absl::StrAppend(&cases, "    \"", command.path, " ", name, "\") values='",
                        absl::StrJoin(option.choices, " "), "' ;;\n");
      }
    }
  });
  return cases;
}

std::string PathCases(const CommandFacts& program) {
  std::string cases;
  ForEachCommand(program, [&](const CommandFacts& command) {
    if (command.path != program.path) {
      absl::StrAppend(&cases, "      \"", command.path, "\") path=\"", command.path, "\" ;;\n");
    }
  });
  return cases;
}

std::string WordCases(const CommandFacts& program) {
  std::string cases;
  ForEachCommand(program, [&cases](const CommandFacts& command) {
    absl::StrAppend(&cases, "    \"", command.path, "\") commands='", CommandNames(command),
                    "' options='", OptionNames(command), "' ;;\n");
  });
  return cases;
}

// Values that are not known are completed as files, which is what most of them are.
std::string Bash(const CommandFacts& program) {
  return absl::StrCat(R"(# bash completion of vigie, written by `vigie completion bash`
_vigie() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
  local path=vigie values=- commands='' options='' i
  if [[ $current == = ]]; then
    current=''
  elif [[ $before == = ]]; then
    before=${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path ${COMP_WORDS[i]}" in
)",
                      PathCases(program), R"(    esac
  done
  case "$path $before" in
)",
                      ValueCases(program), R"(  esac
  COMPREPLY=()
  if [[ $values != - ]]; then
    COMPREPLY=($(compgen -W "$values" -- "$current"))
    return
  fi
  case "$path" in
)",
                      WordCases(program), R"(  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  else
    COMPREPLY=($(compgen -W "$commands" -- "$current"))
  fi
}
complete -o default -F _vigie vigie
)");
}

std::string Zsh(const CommandFacts& program) {
  return absl::StrCat(R"(#compdef vigie
# zsh completion of vigie, written by `vigie completion zsh`
_vigie() {
  local path_=vigie values=- commands='' options='' i before=${words[CURRENT-1]}
  for ((i = 2; i < CURRENT; i++)); do
    case "$path_ ${words[i]}" in
)",
                      absl::StrReplaceAll(PathCases(program), {{") path=", ") path_="}}),
                      R"(    esac
  done
  case "$path_ $before" in
)",
                      ValueCases(program), R"(  esac
  if [[ $values != - ]]; then
    if [[ -n $values ]]; then compadd -- ${=values}; else _files; fi
    return
  fi
  case "$path_" in
)",
                      WordCases(program), R"(  esac
  if [[ ${words[CURRENT]} == -* ]]; then
    compadd -- ${=options}
  elif [[ -n $commands ]]; then
    compadd -- ${=commands}
  else
    _files
  fi
}
if [[ $funcstack[1] == _vigie ]]; then _vigie "$@"; else compdef _vigie vigie; fi
)");
}

std::string FishQuoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}, {"\n", " "}}),
                      "'");
}

void AppendFishOption(const CommandFacts& command, const OptionFacts& option, std::string* out) {
  if (option.positional) return;
  absl::StrAppend(out, "complete -c vigie -n ", FishQuoted("__vigie_at '" + command.path + "'"));
  for (const std::string& name : option.names) {
    const bool is_long = name.starts_with("--");
    absl::StrAppend(out, is_long ? " -l " : " -s ", name.substr(is_long ? 2 : 1));
  }
  if (!option.value.empty()) absl::StrAppend(out, option.choices.empty() ? " -r -F" : " -x -a ");
  if (!option.choices.empty()) absl::StrAppend(out, FishQuoted(absl::StrJoin(option.choices, " ")));
  absl::StrAppend(out, " -d ", FishQuoted(option.help), "\n");
}

std::string Fish(const CommandFacts& program) {
  std::string out = absl::StrCat(R"(# fish completion of vigie, written by `vigie completion fish`
function __vigie_at
  set -l path vigie
  for word in (commandline -opc)[2..-1]
    switch "$path $word"
)");
  ForEachCommand(program, [&](const CommandFacts& command) {
    if (command.path != program.path) {
      absl::StrAppend(&out, "      case '", command.path, "'\n        set path '", command.path,
                      "'\n");
    }
  });
  absl::StrAppend(&out, "    end\n  end\n  test \"$path\" = \"$argv[1]\"\nend\n");
  ForEachCommand(program, [&out](const CommandFacts& command) {
    for (const CommandFacts& each : command.commands) {
      absl::StrAppend(&out, "complete -c vigie -f -n ",
                      FishQuoted("__vigie_at '" + command.path + "'"), " -a ", each.name(), " -d ",
                      FishQuoted(each.help), "\n");
    }
    for (const OptionFacts& option : command.options) AppendFishOption(command, option, &out);
  });
  return out;
}

}  // namespace

std::string CompletionScript(const CommandFacts& program, const std::string& shell) {
  return shell == "fish" ? Fish(program) : shell == "zsh" ? Zsh(program) : Bash(program);
}

void AddCompletion(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand("completion", "Print a shell's completion script");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer("For instance, in ~/.bashrc: source <(vigie completion bash)");
  command->callback([&app, shell, exit_code] {
    std::fputs(CompletionScript(Describe(app), *shell).c_str(), stdout);
    *exit_code = kExitOk;
  });
}

}  // namespace vigie
