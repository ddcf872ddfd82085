// The commands of the program as data: what the completion and the manual are written from, so that
// they cannot say anything else than --help.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace vigie {

struct OptionFacts {
  std::vector<std::string> names;  // "--key-file", "-h"; of a positional its one name: "FILE"
  std::string help;
  std::string value;                 // what stands for its value: "FILE", "TEXT"; empty: a flag
  std::vector<std::string> choices;  // all values that are taken; empty: not known
  std::string default_value;
  std::string environment;  // variable that sets it
  bool positional = false;
  bool required = false;
  bool repeated = false;
};

struct CommandFacts {
  std::string path;  // "vigie key create"
  std::string help;
  std::string footer;
  std::vector<OptionFacts> options;  // as --help lists them
  std::vector<CommandFacts> commands;

  std::string name() const { return path.substr(path.rfind(' ') + 1); }
};

CommandFacts Describe(const CLI::App& app);

// A shell's script that completes commands, options and values: "bash", "zsh" or "fish".
std::string CompletionScript(const CommandFacts& program, const std::string& shell);

// The manual page, section 1, in roff's man macros.
std::string ManualPage(const CommandFacts& program);

}  // namespace vigie
