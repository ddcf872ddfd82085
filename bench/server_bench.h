// What `vigie-bench server` measures: the program as its callers meet it, over gRPC on loopback.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/pacing.h"

namespace vigie::bench {

struct ServerOptions {
  std::vector<size_t> entries = {1000, 1'000'000};
  std::vector<std::string> modes = {"unary", "batch", "stream", "stream-batch", "image"};
  std::vector<double> loads = {0.7, 2.0};  // shares of the capacity, open loop
  size_t hashes = 1;                       // a picture: 1 or 8
  size_t connections = 4;
  size_t window = 128;             // calls in flight when measuring the capacity
  double seconds = 5;              // of each measurement
  double deadline_s = 2;           // of a call in an open loop
  double soak_minutes = 0;         // at the first of `loads`, instead
  std::string images;              // a folder of JPEG files; empty: generated pictures
  std::string hostile;             // a folder of files to send beside; empty: none
  std::string program;             // of `vigie`
  std::vector<std::string> flags;  // for `vigie serve`
};

// One measurement. `target` is what was asked for a second, in calls; none: as many as there can
// be.
struct ServerRow {
  std::string mode;
  size_t entries = 0;
  std::optional<double> target;
  size_t pictures = 1;  // a call
  LoadResult load;
  double server_cpu_s = 0;  // with the processes it has started
  double client_cpu_s = 0;
  double memory_mb = 0;  // of the server and the processes it has started, after it
  double floor_rps = 0;  // capacity of an empty unary method of the same server
  // What the same engine does without a server, in pictures a second on as many threads as there
  // are cores; 0: not asked for.
  double engine_rps = 0;
  // Hostile files that another organisation had answered a second meanwhile; none: not asked.
  std::optional<double> hostile_rps = std::nullopt;
};

// A server, before it was asked anything.
struct ServerStart {
  size_t entries = 0;
  double ready_s = 0;    // from the beginning of the process
  double memory_mb = 0;  // as ServerRow
  size_t processes = 0;
};

struct ServerReport {
  std::vector<ServerStart> starts;
  std::vector<ServerRow> rows;
};

// `progress` is told of each row when it is there. Throws std::runtime_error.
ServerReport MeasureServer(const ServerOptions& options,
                           const std::function<void(const ServerRow&)>& progress);

// Inside bench/server_*.cc.
// Pictures a second that this process looks up in the catalogue of `data_dir`, on all cores.
struct EngineHashRates {
  double single = 0;    // one by one
  double together = 0;  // as many together as a batch is looked up in
};
EngineHashRates MeasureEngineHashes(const std::string& data_dir, const ServerOptions& options,
                                    size_t entries);
// Pictures a second that this process decodes and hashes, on all cores.
double EngineImageRate(const std::vector<std::string>& pictures, double seconds);

void PrintServerHeader();
void PrintServerRow(const ServerRow& row);
void PrintServerEnd(const ServerReport& report);
// {"results": [...], "starts": [...], "machine": {...}}. Throws std::runtime_error.
void WriteServerJson(const ServerReport& report, const std::string& path);

}  // namespace vigie::bench
