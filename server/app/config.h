// What an operator can set. Every value is a key of the TOML file, a flag and an environment
// variable, described once in Settings().
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/catalog/catalog.h"
#include "engine/match/pipeline.h"
#include "server/app/tls_files.h"

namespace vigie {

struct Config {
  std::string data_dir = "vigie-data";
  std::string listen = "127.0.0.1:7443";
  std::string tls_certificate;  // PEM files; both or neither
  std::string tls_key;
  std::string tls_client_ca;     // PEM file; empty: clients are not asked for a certificate
  bool allow_plaintext = false;  // listen without TLS on an address that is not loopback
  bool reflection = false;       // answer gRPC's reflection
  std::string index_kind = "mih";
  int64_t index_head_rows = 4096;
  bool index_checkpoint = true;
  int64_t max_image_bytes = int64_t{32} << 20;
  int64_t max_image_megapixels = 64;
  int64_t max_image_memory_megabytes = 256;
  int64_t max_animation_megapixels = 128;
  int64_t decode_seconds = 10;
  int64_t queue_megabytes = 256;
  int64_t max_wait_ms = 200;
  int64_t checks_per_second = 0;  // an organisation; 0: any number
  int64_t images_per_second = 0;
  int64_t streams_per_organisation = 64;
  int64_t concurrent_calls = 256;  // a connection
  int64_t grpc_memory_megabytes = 512;
  int64_t connection_idle_seconds = 600;
  int64_t keepalive_seconds = 60;
  int64_t max_distance = kDefaultMaxDistance;
  int64_t min_quality = kDefaultMinQuality;
  std::string decode_mode = "fast";
  int64_t max_frames = kDefaultMaxFrames;
  std::string effort = "fast";  // or thorough: of checks that do not say
  int64_t thorough_ms = 100;
  std::string decoder = "process";  // or in-process
  int64_t decoder_workers = 0;      // 0: one a core
  std::string policy_file;          // empty: no policy
  bool guard_duplicates = true;
  int64_t match_rate_uploads = MatchRateLimit{}.uploads;
  int64_t match_rate_minutes = MatchRateLimit{}.window_us / (60 * kSecondUs);
  int64_t no_match_sample = 1;
  int64_t workers = 0;  // 0: one a core
  int64_t queue = 1024;
  int64_t drain_notice_ms = 1000;
  int64_t drain_ms = 20'000;
  std::string log_level = "info";
  std::string log_format = "text";
  std::string metrics_listen = "127.0.0.1:7444";  // empty: off
  bool metrics_allow_remote = false;              // listen on an address that is not loopback
  int64_t canary_interval_seconds = 10;           // 0: off
};

// One value: where it lives in Config and what may be said of it.
struct Setting {
  std::string_view key;   // in the file and as the flag: "limits.max_image_bytes"
  std::string_view help;  // one sentence, with the unit
  std::function<std::string(const Config&)> get;
  // INVALID_ARGUMENT, reason CONFIG_INVALID, says what is accepted.
  std::function<absl::Status(Config&, std::string_view text)> set;
  std::vector<std::string> accepted;  // all values that are; empty: not a closed set
  bool live = false;                  // a reload puts it in force; otherwise a restart does

  std::string flag() const;         // "--limits.max_image_bytes"
  std::string environment() const;  // "VIGIE_LIMITS_MAX_IMAGE_BYTES"
};

const std::vector<Setting>& Settings();

// Sets what the TOML file says. INVALID_ARGUMENT, reason CONFIG_INVALID, for a file that cannot be
// read, a syntax error, an unknown key or a bad value: the message names file and line.
absl::Status ReadConfigFile(const std::string& path, Config* config);

// What holds between values, and for the files that they name: TLS files come in pairs, plaintext
// stays on loopback, certificates and policy are valid now.
absl::Status CheckConfig(const Config& config);

// What a reload of a running server can do.
struct ConfigChanges {
  Config next;                            // what is in force afterwards
  std::vector<std::string> applied;       // "log.level = debug": live settings that differ
  std::vector<std::string> need_restart;  // keys of the others that differ
};
// TLS does not begin or end, and clients' certificates are not asked for or left alone, by a
// reload.
ConfigChanges CompareForReload(const Config& in_force, const Config& wanted);

// True for 127.0.0.0/8, [::1] and localhost, with a port.
bool IsLoopback(std::string_view address);

inline TlsFiles TlsFilesOf(const Config& config) {
  return {config.tls_certificate, config.tls_key, config.tls_client_ca};
}
CatalogOptions CatalogOptionsOf(const Config& config);
PipelineOptions PipelineOptionsOf(const Config& config);
VerdictBookOptions VerdictBookOptionsOf(const Config& config);
inline std::string CheckpointFolder(const std::string& data_dir) {
  return data_dir + "/checkpoint";
}
// The secret that signs heads of the chain of events.
inline std::string AuditKeyPath(const std::string& data_dir) { return data_dir + "/audit.key"; }
inline std::string DatabasePath(const std::string& data_dir) { return data_dir + "/vigie.db"; }

}  // namespace vigie
