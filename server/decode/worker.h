// What runs behind the wall.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <vector>

#include "engine/match/image_hasher.h"
#include "server/decode/channel.h"

namespace vigie::decode {

// As HashEncoded(); tests have others.
using HashFunction = absl::StatusOr<HashedImage> (*)(Bytes bytes, const HashOptions& options,
                                                     PdqScratch& scratch,
                                                     absl::FunctionRef<bool()> go_on);

struct WorkerOptions {
  HashFunction hash = nullptr;
  std::vector<sock_filter> filter;  // CompileFilter()
  int64_t extra_memory = 0;         // bytes of address space beyond what it starts with
};

// The life of a worker, a process with one thread and /dev/null as its file 0: closes every file
// but `socket`, whose number is not kWorkerSocket, maps `picture`, goes behind the wall, says
// Ready, and answers Questions until the server's end of the socket is closed. Returns its exit
// code.
int RunWorker(File socket, File picture, const WorkerOptions& options);

}  // namespace vigie::decode
