#include "tests/support/fault_vfs.h"

#include <sqlite3.h>

#include <stdexcept>

namespace vigie::testing {
namespace {

FaultVfs* active = nullptr;
sqlite3_vfs* real_vfs = nullptr;
sqlite3_vfs fault_vfs;

// In front of the real file, in the same memory.
struct FaultFile {
  sqlite3_file base;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

sqlite3_file* Real(sqlite3_file* file) { return reinterpret_cast<FaultFile*>(file)->real(); }

bool Fails(bool is_sync = false) { return active != nullptr && active->Fails(is_sync); }

int Close(sqlite3_file* file) {
  sqlite3_file* real = Real(file);
  return real->pMethods == nullptr ? SQLITE_OK : real->pMethods->xClose(real);
}

int Read(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) {
  return Real(file)->pMethods->xRead(Real(file), data, size, offset);
}

int Write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  sqlite3_file* real = Real(file);
  if (!Fails()) return real->pMethods->xWrite(real, data, size, offset);
  if (active->fault() == DiskFault::kFull) return SQLITE_FULL;
  if (active->fault() == DiskFault::kTorn) real->pMethods->xWrite(real, data, size / 2, offset);
  return SQLITE_IOERR_WRITE;
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  return Fails() ? SQLITE_IOERR_TRUNCATE : Real(file)->pMethods->xTruncate(Real(file), size);
}

// The machine's own disk is not asked: what a crash leaves is read from a copy of the file, and
// waiting for it took half of the time of these tests.
int Sync(sqlite3_file* /*file*/, int /*flags*/) {
  return Fails(/*is_sync=*/true) ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  return Real(file)->pMethods->xFileSize(Real(file), size);
}
int Lock(sqlite3_file* file, int level) { return Real(file)->pMethods->xLock(Real(file), level); }
int Unlock(sqlite3_file* file, int level) {
  return Real(file)->pMethods->xUnlock(Real(file), level);
}
int CheckReservedLock(sqlite3_file* file, int* result) {
  return Real(file)->pMethods->xCheckReservedLock(Real(file), result);
}
int FileControl(sqlite3_file* file, int operation, void* argument) {
  return Real(file)->pMethods->xFileControl(Real(file), operation, argument);
}
int SectorSize(sqlite3_file* file) { return Real(file)->pMethods->xSectorSize(Real(file)); }
int DeviceCharacteristics(sqlite3_file* file) {
  return Real(file)->pMethods->xDeviceCharacteristics(Real(file));
}
int ShmMap(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return Real(file)->pMethods->xShmMap(Real(file), page, size, extend, out);
}
int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  return Real(file)->pMethods->xShmLock(Real(file), offset, count, flags);
}
void ShmBarrier(sqlite3_file* file) { Real(file)->pMethods->xShmBarrier(Real(file)); }
int ShmUnmap(sqlite3_file* file, int remove) {
  return Real(file)->pMethods->xShmUnmap(Real(file), remove);
}

const sqlite3_io_methods kMethods = {2,
                                     Close,
                                     Read,
                                     Write,
                                     Truncate,
                                     Sync,
                                     FileSize,
                                     Lock,
                                     Unlock,
                                     CheckReservedLock,
                                     FileControl,
                                     SectorSize,
                                     DeviceCharacteristics,
                                     ShmMap,
                                     ShmLock,
                                     ShmBarrier,
                                     ShmUnmap,
                                     nullptr,
                                     nullptr};

int Open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  const int code = real_vfs->xOpen(real_vfs, name, Real(file), flags, out_flags);
  if (code == SQLITE_OK) file->pMethods = &kMethods;
  return code;
}

int Delete(sqlite3_vfs*, const char* name, int sync_folder) {
  return Fails() ? SQLITE_IOERR_DELETE : real_vfs->xDelete(real_vfs, name, sync_folder);
}

}  // namespace

FaultVfs::FaultVfs() {
  if (active != nullptr) throw std::logic_error("one FaultVfs at a time");
  if (real_vfs == nullptr) {
    real_vfs = sqlite3_vfs_find(nullptr);
    fault_vfs = *real_vfs;
    fault_vfs.zName = "fault";
    fault_vfs.szOsFile = real_vfs->szOsFile + static_cast<int>(sizeof(FaultFile));
    fault_vfs.xOpen = Open;
    fault_vfs.xDelete = Delete;
  }
  active = this;
  sqlite3_vfs_register(&fault_vfs, /*makeDflt=*/1);
}

FaultVfs::~FaultVfs() {
  sqlite3_vfs_register(real_vfs, /*makeDflt=*/1);
  active = nullptr;
}

void FaultVfs::FailAt(int n, DiskFault fault, bool lasting) {
  fault_ = fault;
  lasting_ = lasting;
  failed_ = false;
  sync_failed_ = false;
  operations_ = 0;
  fail_at_ = n;
}

void FaultVfs::Lift() { fail_at_ = 0; }

bool FaultVfs::Fails(bool is_sync) {
  const int number = ++operations_;
  const int at = fail_at_;
  const bool fails = at != 0 && (number == at || (lasting_ && number > at));
  if (!fails) return false;
  if (!failed_.exchange(true)) sync_failed_ = is_sync;
  return true;
}

}  // namespace vigie::testing
