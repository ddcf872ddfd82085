// vigie-bench trust: how fast many entries become durable and matchable.
#include <sys/resource.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "bench/inputs.h"
#include "bench/search_data.h"
#include "bench/server_process.h"
#include "bench/trust.h"
#include "engine/base/digest.h"

namespace vigie::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kBatch = 500;  // entries a message, as `vigie list import` sends them
constexpr size_t kSample = 200;
constexpr char kList[] = "bench";

UploadRate RateOf(size_t entries, double seconds, double server_cpu_s, double client_cpu_s) {
  const double count = static_cast<double>(entries);
  return {.seconds = seconds,
          .per_second = count / seconds,
          .server_cpu_us = server_cpu_s / count * 1e6,
          .client_cpu_us = client_cpu_s / count * 1e6};
}

UploadRate MeasureEngine(size_t entries) {
  World world;
  const double cpu = OwnCpuSeconds();
  const auto begin = Clock::now();
  for (size_t done = 0; done < entries;) {
    std::vector<NewEntry> batch;
    while (batch.size() < kBatch && done < entries) batch.push_back(EntryOf(UniformHash(done++)));
    const auto outcome = world.Upload(batch);
    if (!outcome.ok()) throw std::runtime_error(std::string(MessageOf(outcome.status())));
  }
  UploadRate rate = RateOf(entries, MicrosecondsSince(begin) * 1e-6, OwnCpuSeconds() - cpu, 0);
  for (size_t i = 0; i < kSample; ++i) {
    const Pdq256 hash = UniformHash(i * entries / kSample);
    const auto hits = world.catalog().FindNear({&hash, 1}, 0);
    if (!hits.ok() || hits->empty()) ++rate.missing;
  }
  return rate;
}

// A server over an empty folder, a flagger with a list and a platform.
struct Service {
  explicit Service(const std::string& program)
      : flagger_key(CreateKey(program, folder.File("data"), "bench-flagger", "trusted_flagger")),
        platform_key(CreateKey(program, folder.File("data"), "bench-platform", "platform")),
        server(program, folder.File("data")),
        flagger(server.address(), flagger_key),
        platform(server.address(), platform_key) {
    flagger.CreateList(kList);
  }

  size_t CountMissing(size_t entries) {
    size_t missing = 0;
    for (size_t i = 0; i < kSample; ++i) {
      const v1::Verdict verdict = platform.Check(UniformHash(i * entries / kSample));
      if (verdict.action() != v1::PROVISIONAL_BLOCK) ++missing;
    }
    return missing;
  }

  TemporaryFolder folder;
  std::string flagger_key;
  std::string platform_key;
  ServerProcess server;
  Caller flagger;
  Caller platform;
};

// "2026-00000017".
std::string ReferenceOf(size_t number) {
  std::string digits = std::to_string(number);
  return "2026-" + std::string(8 - std::min<size_t>(8, digits.size()), '0') + digits;
}

// One stream: a thread that sends, this one takes the answers. `named`: with references in order,
// as a base that numbers its cases has them; otherwise they are derived from the values.
void UploadAll(Caller& flagger, size_t entries, bool named) {
  const auto context = flagger.NewContext();
  const auto stream = flagger.lists().UploadEntries(context.get());
  std::thread sender([&stream, entries, named] {
    for (size_t done = 0; done < entries;) {
      v1::UploadEntriesRequest request;
      request.set_parent(std::string("lists/") + kList);
      while (request.entries_size() < static_cast<int>(kBatch) && done < entries) {
        v1::Entry& entry = *request.add_entries();
        if (named) entry.set_external_reference(ReferenceOf(done));
        *entry.add_fingerprints() = FingerprintOf(UniformHash(done++));
      }
      if (!stream->Write(request)) return;
    }
    stream->WritesDone();
  });
  size_t created = 0;
  v1::UploadEntriesResponse response;
  while (stream->Read(&response)) {
    for (const v1::UploadResult& result : response.results()) created += result.created() ? 1 : 0;
  }
  sender.join();
  const grpc::Status status = stream->Finish();
  if (!status.ok()) throw std::runtime_error("the upload failed: " + status.error_message());
  if (created != entries) throw std::runtime_error("entries were not created");
}

UploadRate MeasureStream(const std::string& program, size_t entries, bool named) {
  Service service(program);
  const double server_cpu = service.server.usage().cpu_seconds;
  const double own_cpu = OwnCpuSeconds();
  const auto begin = Clock::now();
  UploadAll(service.flagger, entries, named);
  const double seconds = MicrosecondsSince(begin) * 1e-6;
  UploadRate rate = RateOf(entries, seconds, service.server.usage().cpu_seconds - server_cpu,
                           OwnCpuSeconds() - own_cpu);
  rate.missing = service.CountMissing(entries);
  return rate;
}

double ChildrenCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

UploadRate MeasureImport(const std::string& program, size_t entries) {
  Service service(program);
  const std::string path = service.folder.File("list.txt");
  {
    std::ofstream file(path);
    for (size_t i = 0; i < entries; ++i) file << ToHex(UniformHash(i).bytes) << "\n";
    file.close();
    if (file.fail()) throw std::runtime_error("cannot write " + path);
  }
  const double server_cpu = service.server.usage().cpu_seconds;
  const double client_cpu = ChildrenCpuSeconds();
  const auto begin = Clock::now();
  RunProgram(program, {"list", "import", "--server", service.server.address(), kList, path},
             {"VIGIE_KEY=" + service.flagger_key});
  const double seconds = MicrosecondsSince(begin) * 1e-6;
  UploadRate rate = RateOf(entries, seconds, service.server.usage().cpu_seconds - server_cpu,
                           ChildrenCpuSeconds() - client_cpu);
  rate.missing = service.CountMissing(entries);
  return rate;
}

}  // namespace

UploadRates MeasureUpload(const TrustOptions& options) {
  return {.engine = MeasureEngine(options.entries),
          .stream = MeasureStream(options.program, options.entries, /*named=*/false),
          .named = MeasureStream(options.program, options.entries, /*named=*/true),
          .import = MeasureImport(options.program, options.entries)};
}

}  // namespace vigie::bench
