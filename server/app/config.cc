#include "server/app/config.h"

#include <sys/stat.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <initializer_list>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/app/policy_file.h"

namespace vigie {
namespace {

absl::Status Invalid(std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "CONFIG_INVALID", message);
}

Setting Text(std::string_view key, std::string Config::*field, std::string_view help,
             std::set<std::string> accepted = {}) {
  return {
      key, help, [field](const Config& config) { return config.*field; },
      [key, field, accepted](Config& config, std::string_view text) -> absl::Status {
        if (!accepted.empty() && !accepted.contains(std::string(text))) {
          return Invalid(absl::StrCat(ToAbsl(key), " is one of: ", absl::StrJoin(accepted, ", ")));
        }
        config.*field = std::string(text);
        return absl::OkStatus();
      },
      std::vector<std::string>(accepted.begin(), accepted.end())};
}

Setting Number(std::string_view key, int64_t Config::*field, int64_t least, int64_t most,
               std::string_view help) {
  return {key,
          help,
          [field](const Config& config) { return std::to_string(config.*field); },
          [=](Config& config, std::string_view text) -> absl::Status {
            int64_t value = 0;
            const auto end = text.data() + text.size();
            const auto parsed = std::from_chars(text.data(), end, value);
            if (parsed.ec != std::errc() || parsed.ptr != end || value < least || value > most) {
              return Invalid(
                  absl::StrCat(ToAbsl(key), " is a whole number from ", least, " to ", most));
            }
            config.*field = value;
            return absl::OkStatus();
          },
          {}};
}

Setting Switch(std::string_view key, bool Config::*field, std::string_view help) {
  return {key,
          help,
          [field](const Config& config) { return config.*field ? "true" : "false"; },
          [key, field](Config& config, std::string_view text) -> absl::Status {
            if (text != "true" && text != "false") {
              return Invalid(absl::StrCat(ToAbsl(key), " is true or false"));
            }
            config.*field = text == "true";
            return absl::OkStatus();
          },
          {"false", "true"}};
}

// A reload puts it in force: whatever follows it must take the new value while it runs.
Setting Live(Setting setting) {
  setting.live = true;
  return setting;
}

std::vector<Setting> MakeSettings() {
  return {
      Text("data_dir", &Config::data_dir, "folder of the database, made when missing"),
      Text("listen", &Config::listen, "address and port to serve on; port 0 takes a free one"),
      Live(Text("tls.certificate", &Config::tls_certificate,
                "certificate chain, PEM file; read again when it is replaced")),
      Live(Text("tls.key", &Config::tls_key, "its private key, PEM file")),
      Live(Text("tls.client_ca", &Config::tls_client_ca,
                "who signs clients' certificates, PEM file: clients may then show one for a key")),
      Switch("tls.allow_plaintext", &Config::allow_plaintext,
             "serve without TLS on an address that is not loopback (keys can then be overheard)"),
      Switch("reflection", &Config::reflection,
             "answer gRPC reflection, which asks for no key and costs memory: for trying things"),
      Text("index.kind", &Config::index_kind, "which exact index holds sealed rows",
           {"mih", "flat", "faiss-flat", "faiss-multihash"}),
      Number("index.head_rows", &Config::index_head_rows, 1, 1 << 20,
             "rows that are compared one by one before they are sealed"),
      Switch("index.checkpoint", &Config::index_checkpoint,
             "keep a copy of the index on disk, for a fast start"),
      Number("limits.max_image_bytes", &Config::max_image_bytes, 1024, int64_t{1} << 30,
             "largest encoded picture, bytes"),
      Number("limits.max_image_megapixels", &Config::max_image_megapixels, 1, 1000,
             "largest picture, million pixels"),
      Number("limits.max_image_memory_megabytes", &Config::max_image_memory_megabytes, 1, 65536,
             "memory that decoding one picture may take, by its header, MiB"),
      Number("limits.max_animation_megapixels", &Config::max_animation_megapixels, 1, 100'000,
             "what the frames of an animation may have together, million pixels"),
      Number("limits.decode_seconds", &Config::decode_seconds, 1, 3600,
             "how long decoding one picture may take, with decoder = \"process\""),
      Number("limits.queue_megabytes", &Config::queue_megabytes, 1, 1 << 20,
             "what requests that wait and are worked on may hold, pictures and the rest each, MiB"),
      Number("limits.max_wait_ms", &Config::max_wait_ms, 1, 600'000,
             "pictures that would wait for longer are refused, others at a quarter of it"),
      Live(Number(
          "limits.checks_per_second", &Config::checks_per_second, 0, 1'000'000'000,
          "pictures whose hashes an organisation may have checked, unless it has its own rate; "
          "0: any number")),
      Live(Number(
          "limits.images_per_second", &Config::images_per_second, 0, 1'000'000'000,
          "pictures that an organisation may have checked or hashed, likewise; 0: any number")),
      Number("limits.streams_per_organisation", &Config::streams_per_organisation, 1, 100'000,
             "StreamCheck and UploadEntries together"),
      Number("limits.concurrent_calls", &Config::concurrent_calls, 1, 1 << 20,
             "calls at once on one connection; the client lets more wait"),
      Number("limits.grpc_memory_megabytes", &Config::grpc_memory_megabytes, 16, 1 << 20,
             "what connections may hold of messages that are being received or sent, MiB"),
      Number("limits.connection_idle_seconds", &Config::connection_idle_seconds, 1, 1'000'000,
             "then a connection without a call is closed"),
      Number("limits.keepalive_seconds", &Config::keepalive_seconds, 1, 1'000'000,
             "a connection that is silent for so long is asked whether it still lives"),
      Number("limits.max_distance", &Config::max_distance, 0, kMaxDistanceLimit,
             "widest max_distance a list may ask for, bits"),
      Number("match.min_quality", &Config::min_quality, 0, 100,
             "PDQ quality below which pictures are neither submitted nor matched"),
      Text("match.decode_mode", &Config::decode_mode, "how uploads to check are decoded",
           {"exact", "fast"}),
      Number("match.max_frames", &Config::max_frames, 1, kMaxFramesLimit,
             "frames of an animation that are looked up, evenly over the whole"),
      Text("match.effort", &Config::effort,
           "what is done to find known pictures in uploads, when a check does not say",
           {"fast", "thorough"}),
      Number("match.thorough_ms", &Config::thorough_ms, 1, 60'000,
             "what a thorough check may take beyond a fast one, milliseconds"),
      Text("decoder", &Config::decoder,
           "where pictures are decoded: in processes behind a wall, or in the server itself",
           {"process", "in-process"}),
      Number("decoder_workers", &Config::decoder_workers, 0, 1024,
             "processes that decode; 0: one a core"),
      Live(Text("policy.file", &Config::policy_file,
                "rules that weaken what matches cause, a TOML file; read again on SIGHUP")),
      Switch("guards.duplicates", &Config::guard_duplicates,
             "tell submitters which new entries their organisation has in other lists"),
      Number("guards.match_rate_uploads", &Config::match_rate_uploads, 0, 100'000,
             "different uploads that may match an entry before it is held for review; 0: any"),
      Number("guards.match_rate_minutes", &Config::match_rate_minutes, 1, 7 * 24 * 60,
             "within how many minutes"),
      Number("events.no_match_sample", &Config::no_match_sample, 1, 1'000'000,
             "of checks that find nothing, every so manyth is counted, as so many"),
      Number("server.workers", &Config::workers, 0, 1024, "working threads; 0: one a core"),
      Number("server.queue", &Config::queue, 1, 1 << 20,
             "requests that may wait before more are refused, pictures and the rest each"),
      Live(Number("server.drain_notice_ms", &Config::drain_notice_ms, 0, 600'000,
                  "on SIGTERM: how long health says NOT_SERVING while requests are still taken")),
      Live(Number("server.drain_ms", &Config::drain_ms, 0, 600'000,
                  "then: how long requests in flight may take to finish")),
      Live(Text("log.level", &Config::log_level, "how much is logged",
                {"debug", "info", "warning", "error"})),
      Text("log.format", &Config::log_format, "lines of the log: text, or a JSON object each",
           {"text", "json"}),
      Text("metrics.listen", &Config::metrics_listen,
           "address and port of metrics and health over HTTP; empty: off"),
      Switch("metrics.allow_remote", &Config::metrics_allow_remote,
             "serve metrics, without TLS or keys, on an address that is not loopback"),
      Number("canary.interval_seconds", &Config::canary_interval_seconds, 0, 3600,
             "how often the server checks a known picture of its own; 0: never"),
  };
}

const Setting* FindSetting(std::string_view key) {
  for (const Setting& setting : Settings()) {
    if (setting.key == key) return &setting;
  }
  return nullptr;
}

// Sets every leaf below `table`, whose own key is `prefix` ("" or "limits.").
absl::Status ReadTable(const toml::table& table, const std::string& prefix, Config* config) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    if (const toml::table* inner = node.as_table()) {
      VIGIE_RETURN_IF_ERROR(ReadTable(*inner, key + ".", config));
      continue;
    }
    const auto at = [&node = node](const absl::Status& status) {
      return Invalid(
          absl::StrCat("line ", node.source().begin.line, ": ", ToAbsl(MessageOf(status))));
    };
    const Setting* setting = FindSetting(key);
    if (setting == nullptr) {
      return at(Invalid(absl::StrCat("unknown key ", key, " (`vigie serve --help` lists them)")));
    }
    std::string text;
    if (const auto* value = node.as_string()) {
      text = value->get();
    } else if (node.is_integer() || node.is_boolean()) {
      std::ostringstream out;
      out << toml::node_view<const toml::node>(node);
      text = out.str();
    } else {
      return at(Invalid(absl::StrCat(key, " is a text, a whole number, or true or false")));
    }
    if (const absl::Status status = setting->set(*config, text); !status.ok()) return at(status);
  }
  return absl::OkStatus();
}

}  // namespace

std::string Setting::flag() const { return absl::StrCat("--", ToAbsl(key)); }

std::string Setting::environment() const {
  std::string name = absl::StrCat("VIGIE_", ToAbsl(key));
  for (char& c : name) {
    c = c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

const std::vector<Setting>& Settings() {
  static const std::vector<Setting> settings = MakeSettings();
  return settings;
}

absl::Status ReadConfigFile(const std::string& path, Config* config) {
  // A folder would be read as an empty file.
  struct stat facts {};
  if (stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) {
    return Invalid(absl::StrCat(path, " is a folder"));
  }
  toml::table parsed;
  try {
    parsed = toml::parse_file(path);
  } catch (const toml::parse_error& e) {
    return Invalid(
        absl::StrCat(path, ": line ", e.source().begin.line, ": ", std::string(e.description())));
  }
  if (const absl::Status status = ReadTable(parsed, "", config); !status.ok()) {
    return Invalid(absl::StrCat(path, ": ", ToAbsl(MessageOf(status))));
  }
  return absl::OkStatus();
}

bool IsLoopback(std::string_view address) {
  const size_t colon = address.rfind(':');
  const std::string_view host = address.substr(0, colon);
  if (host == "localhost" || host == "[::1]") return true;
  // A dotted address of 127.0.0.0/8; a name that merely begins so is somebody else's.
  return host.starts_with("127.") && std::count(host.begin(), host.end(), '.') == 3 &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

absl::Status CheckConfig(const Config& config) {
  if (config.listen.rfind(':') == std::string::npos) {
    return Invalid("listen is an address with a port, for instance 127.0.0.1:7443");
  }
  if (config.tls_certificate.empty() != config.tls_key.empty()) {
    return Invalid("tls.certificate and tls.key come together");
  }
  if (!config.tls_client_ca.empty() && config.tls_certificate.empty()) {
    return Invalid("tls.client_ca needs tls.certificate and tls.key");
  }
  if (!config.tls_certificate.empty()) {
    VIGIE_RETURN_IF_ERROR(ReadTlsFiles(TlsFilesOf(config), SystemClock().Now()).status());
  }
  if (config.tls_certificate.empty() && !IsLoopback(config.listen) && !config.allow_plaintext) {
    return Invalid(absl::StrCat("listening on ", config.listen,
                                " without TLS would send keys in the clear: set tls.certificate "
                                "and tls.key, or tls.allow_plaintext = true behind a proxy"));
  }
  if (!config.metrics_listen.empty()) {
    if (config.metrics_listen.rfind(':') == std::string::npos) {
      return Invalid("metrics.listen is an address with a port, for instance 127.0.0.1:7444");
    }
    if (!IsLoopback(config.metrics_listen) && !config.metrics_allow_remote) {
      return Invalid(absl::StrCat("anybody who reaches ", config.metrics_listen,
                                  " could read metrics: set metrics.allow_remote = true, or "
                                  "metrics.listen to a loopback address"));
    }
  }
  return config.policy_file.empty() ? absl::OkStatus()
                                    : ReadPolicyFile(config.policy_file).status();
}

ConfigChanges CompareForReload(const Config& in_force, const Config& wanted) {
  ConfigChanges changes{.next = in_force, .applied = {}, .need_restart = {}};
  for (const Setting& setting : Settings()) {
    const std::string now = setting.get(in_force);
    const std::string then = setting.get(wanted);
    if (now == then) continue;
    // One file for another, but not a file for none: that is how connections begin.
    const bool tls = setting.key.starts_with("tls.");
    const bool live = setting.live && (!tls || now.empty() == then.empty());
    if (live && setting.set(changes.next, then).ok()) {
      changes.applied.push_back(absl::StrCat(ToAbsl(setting.key), " = ", then));
    } else {
      changes.need_restart.emplace_back(setting.key);
    }
  }
  return changes;
}

CatalogOptions CatalogOptionsOf(const Config& config) {
  CatalogOptions options;
  options.index.kind = ParseIndexKind(config.index_kind).value_or(IndexKind::kMultiIndexHash);
  options.index.head_capacity = static_cast<size_t>(config.index_head_rows);
  options.min_quality = static_cast<int>(config.min_quality);
  options.max_distance_limit = static_cast<int>(config.max_distance);
  options.find_duplicates = config.guard_duplicates;
  return options;
}

VerdictBookOptions VerdictBookOptionsOf(const Config& config) {
  return {.match_rate = {.uploads = static_cast<int>(config.match_rate_uploads),
                         .window_us = config.match_rate_minutes * 60 * kSecondUs},
          .no_match_sample = config.no_match_sample};
}

PipelineOptions PipelineOptionsOf(const Config& config) {
  PipelineOptions options;
  options.limits.max_image_bytes = static_cast<size_t>(config.max_image_bytes);
  options.limits.max_pixels = config.max_image_megapixels * 1'000'000;
  options.limits.max_memory_bytes = config.max_image_memory_megabytes << 20;
  options.limits.max_animation_pixels = config.max_animation_megapixels * 1'000'000;
  options.max_frames = static_cast<int>(config.max_frames);
  options.check_mode = Parse<DecodeMode>(config.decode_mode).value_or(DecodeMode::kFast);
  options.min_quality = static_cast<int>(config.min_quality);
  options.effort = Parse<Effort>(config.effort).value_or(Effort::kFast);
  options.thorough_us = config.thorough_ms * 1000;
  return options;
}

}  // namespace vigie
