#include "server/app/backup.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/base/signature.h"
#include "engine/catalog/audit.h"
#include "engine/catalog/checkpoint.h"
#include "engine/store/sqlite_file.h"
#include "engine/store/sqlite_schema.h"
#include "engine/store/sqlite_store.h"
#include "server/app/backup_files.h"
#include "server/app/config.h"
#include "server/app/instance.h"

namespace vigie {
namespace {

// More than a server writes in years, and numbers stay exact in JSON.
constexpr Revision kRevisionGap = 1'000'000'000;

std::string StagingOf(const std::string& data_dir) { return data_dir + "/restore.partial"; }

// A folder that is locked for this process and goes with its content unless it is kept.
class WorkFolder {
 public:
  // Takes the place of what another process left there. UNAVAILABLE, reason FILE_FAILED, when one
  // is at work in it.
  static absl::StatusOr<std::unique_ptr<WorkFolder>> Make(const std::string& path) {
    const int before = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool free = before < 0 || flock(before, LOCK_EX | LOCK_NB) == 0;
    // Only what is in it: that it is there may tell of something unfinished.
    if (free && before >= 0) Empty(path);
    if (before >= 0) close(before);
    if (!free) return InUse(path);
    if (before < 0) VIGIE_RETURN_IF_ERROR(MakeFolder(path));
    std::unique_ptr<WorkFolder> folder(new WorkFolder(path));
    folder->lock_ = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->lock_ < 0 || flock(folder->lock_, LOCK_EX | LOCK_NB) != 0) {
      folder->kept_ = true;
      return InUse(path);
    }
    return folder;
  }
  ~WorkFolder() {
    std::error_code ignored;
    if (!kept_) std::filesystem::remove_all(path_, ignored);
    if (lock_ >= 0) close(lock_);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  const std::string& path() const { return path_; }
  void Keep() { kept_ = true; }

 private:
  explicit WorkFolder(std::string path) : path_(std::move(path)) {}
  static void Empty(const std::string& path) {
    std::error_code ignored;
    for (const auto& left : std::filesystem::directory_iterator(path, ignored)) {
      std::filesystem::remove_all(left.path(), ignored);
    }
  }
  static absl::Status InUse(const std::string& path) {
    return Error(absl::StatusCode::kUnavailable, "FILE_FAILED",
                 absl::StrCat("another program is at work in ", path));
  }

  const std::string path_;
  int lock_ = -1;
  bool kept_ = false;
};

// Structure, rows and chain of a database in `folder`, and what its manifest should say.
absl::StatusOr<BackupManifest> Examine(Store& store, const std::string& folder) {
  VIGIE_RETURN_IF_ERROR(store.CheckIntegrity());
  PublicKey key{};  // signs nothing: right where no head was signed yet
  if (Exists(AuditKeyPath(folder))) {
    absl::StatusOr<SigningKey> loaded = SigningKey::LoadOrMake(AuditKeyPath(folder));
    if (!loaded.ok()) return loaded.status();
    key = loaded->public_key();
  }
  ChainReport chain;
  VIGIE_ASSIGN_OR_RETURN(chain, VerifyEvents(store, key, std::nullopt));
  Counters counters;
  VIGIE_ASSIGN_OR_RETURN(counters, store.ReadCounters());
  return BackupManifest{.database = ToHex(store.id()),
                        .revision = counters.revision,
                        .lists = counters.lists,
                        .entries = counters.entries,
                        .rows = counters.rows,
                        .events = chain.events,
                        .head = ToHex(chain.head),
                        .files = {}};
}

absl::Status CheckSame(const BackupManifest& said, const BackupManifest& found) {
  // A migration adds events.
  const bool migrated = said.schema != CurrentSchemaVersion();
  const auto facts = [migrated](const BackupManifest& m) {
    return std::tuple(m.database, m.revision, m.lists, m.entries, m.rows, migrated ? 0 : m.events,
                      migrated ? "" : m.head);
  };
  if (facts(said) == facts(found)) return absl::OkStatus();
  return Error(absl::StatusCode::kDataLoss, "BACKUP_DAMAGED",
               "the backup is damaged (its database is not what its manifest says): use another");
}

// Gives the folder its name, unless something has it.
absl::Status Publish(WorkFolder& folder, const std::string& name) {
  VIGIE_RETURN_IF_ERROR(SyncPath(folder.path()));
  int failed = renameat2(AT_FDCWD, folder.path().c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE);
  if (failed != 0 && (errno == EINVAL || errno == ENOSYS) && !Exists(name)) {
    // Some file systems know no flags. A plain rename replaces an empty folder at most.
    failed = rename(folder.path().c_str(), name.c_str());
  }
  if (failed != 0) return FileFailed("rename to", name);
  folder.Keep();
  return SyncPath(ParentOf(name));
}

// What was erased in the database of `from` since: erased here too, each with its event.
absl::StatusOr<uint64_t> EraseAgain(Store& store, const BackupManifest& backup,
                                    const std::string& from) {
  if (!Exists(DatabasePath(from))) {
    return Error(absl::StatusCode::kNotFound, "DATA_DIR_FAILED",
                 absl::StrCat("there is no database in ", from));
  }
  std::unique_ptr<Store> old;
  VIGIE_ASSIGN_OR_RETURN(old, OpenSqliteStore(DatabasePath(from)));
  if (old->id() != store.id()) {
    return Error(absl::StatusCode::kFailedPrecondition, "OTHER_DATABASE",
                 absl::StrCat("the database in ", from, " is not the one of this backup"));
  }
  std::vector<EventRecord> erasures;
  VIGIE_RETURN_IF_ERROR(old->ScanEvents(backup.events, [&](const EventRecord& event) {
    if (event.kind == EventKind::kEntryErased && event.entry <= backup.entries) {
      erasures.push_back(event);
    }
    return absl::OkStatus();
  }));
  if (erasures.empty()) return 0;
  Counters counters;
  VIGIE_ASSIGN_OR_RETURN(counters, store.ReadCounters());
  std::vector<ListRecord> lists;
  VIGIE_ASSIGN_OR_RETURN(lists, store.ReadLists());
  ++counters.revision;
  std::unique_ptr<Transaction> transaction;
  VIGIE_ASSIGN_OR_RETURN(transaction, store.Begin());
  uint64_t erased = 0;
  for (EventRecord& event : erasures) {
    std::optional<EntryRecord> husk, here;
    VIGIE_ASSIGN_OR_RETURN(husk, old->ReadEntry(event.entry));
    VIGIE_ASSIGN_OR_RETURN(here, transaction->FindEntry(event.entry));
    if (!husk.has_value() || !here.has_value() || here->state == EntryState::kErased) continue;
    event.from = here->state;
    event.revision = counters.revision;
    VIGIE_RETURN_IF_ERROR(transaction->AppendEvent(event));
    for (const ListRecord& list : lists) {
      if (list.number != here->list) continue;
      VIGIE_RETURN_IF_ERROR(transaction->AddToTally(list.organisation, event.kind, 1));
    }
    husk->first_row = here->first_row;
    husk->revision = counters.revision;
    husk->fingerprints.clear();
    VIGIE_RETURN_IF_ERROR(transaction->EraseEntry(*husk));
    ++erased;
  }
  VIGIE_RETURN_IF_ERROR(transaction->Commit(counters));
  return erased;
}

absl::Status Prepare(const RestoreOptions& options, const WorkFolder& staging,
                     RestoreReport* report) {
  for (const BackupFile& file : report->backup.files) {
    BackupFile copied;
    VIGIE_ASSIGN_OR_RETURN(copied, CopyFile(options.from, staging.path(), file.name));
    VIGIE_RETURN_IF_ERROR(CheckIsNamed(report->backup, copied));
  }
  const std::string path = DatabasePath(staging.path());
  if (!Exists(path)) return CheckIsNamed(report->backup, {.name = kBackupDatabase});
  {
    std::unique_ptr<Store> store;
    VIGIE_ASSIGN_OR_RETURN(store, OpenSqliteStore(path));  // migrates an older one
    BackupManifest found;
    VIGIE_ASSIGN_OR_RETURN(found, Examine(*store, staging.path()));
    VIGIE_RETURN_IF_ERROR(CheckSame(report->backup, found));
    // One of before may lie in the folder.
    VIGIE_RETURN_IF_ERROR(store->SetCheckpointMark(0));
  }
  VIGIE_RETURN_IF_ERROR(SkipRevisions(path, kRevisionGap));
  {
    std::unique_ptr<Store> store;
    VIGIE_ASSIGN_OR_RETURN(store, OpenSqliteStore(path));
    if (!options.erased_from.empty()) {
      VIGIE_ASSIGN_OR_RETURN(report->erased,
                             EraseAgain(*store, report->backup, options.erased_from));
    }
    Counters counters;
    VIGIE_ASSIGN_OR_RETURN(counters, store->ReadCounters());
    report->revision = counters.revision;
    bool folded = false;
    VIGIE_ASSIGN_OR_RETURN(folded, store->ScrubLog());
    if (!folded) {
      return Error(absl::StatusCode::kUnavailable, "DATABASE_FAILED",
                   "another program reads the database that is being restored: try again");
    }
  }
  return SyncPath(path);
}

absl::Status CheckFolderIsFree(const std::string& data_dir) {
  const bool again = Exists(StagingOf(data_dir));
  for (const std::string& path :
       {DatabasePath(data_dir), DatabasePath(data_dir) + "-wal", AuditKeyPath(data_dir)}) {
    if (!Exists(path) || (again && path == AuditKeyPath(data_dir))) continue;
    return Error(absl::StatusCode::kFailedPrecondition, "DATA_DIR_NOT_EMPTY",
                 absl::StrCat("there is ", path, ": restore to a new folder, or move it away"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BackupManifest> MakeBackup(const BackupOptions& options,
                                          const BackupProgress& progress) {
  const std::string to = std::filesystem::path(options.to + "/").parent_path().string();
  if (Exists(to)) {
    return Error(absl::StatusCode::kAlreadyExists, "BACKUP_EXISTS",
                 absl::StrCat("there is something at ", to, ": name a new folder"));
  }
  if (!Exists(DatabasePath(options.data_dir))) {
    return Error(absl::StatusCode::kNotFound, "DATA_DIR_FAILED",
                 absl::StrCat("there is no database in ", options.data_dir));
  }
  std::unique_ptr<WorkFolder> folder;
  VIGIE_ASSIGN_OR_RETURN(folder, WorkFolder::Make(to + ".partial"));
  VIGIE_RETURN_IF_ERROR(
      CopyDatabase(DatabasePath(options.data_dir), DatabasePath(folder->path()), progress));
  VIGIE_RETURN_IF_ERROR(SyncPath(DatabasePath(folder->path())));
  if (Exists(AuditKeyPath(options.data_dir))) {
    VIGIE_RETURN_IF_ERROR(CopyFile(options.data_dir, folder->path(), kBackupKey).status());
  }
  std::unique_ptr<Store> store;
  VIGIE_ASSIGN_OR_RETURN(store, OpenSealedStore(DatabasePath(folder->path())));
  BackupManifest manifest;
  VIGIE_ASSIGN_OR_RETURN(manifest, Examine(*store, folder->path()));
  store.reset();
  manifest.program = options.program;
  manifest.schema = CurrentSchemaVersion();
  manifest.created_us = options.now;
  for (const char* name : {kBackupDatabase, kBackupKey}) {
    if (!Exists(folder->path() + "/" + name)) continue;
    BackupFile file;
    VIGIE_ASSIGN_OR_RETURN(file, Describe(folder->path(), name));
    manifest.files.push_back(std::move(file));
  }
  VIGIE_RETURN_IF_ERROR(WriteBackupManifest(folder->path(), manifest));
  VIGIE_RETURN_IF_ERROR(Publish(*folder, to));
  return manifest;
}

absl::StatusOr<BackupManifest> VerifyBackup(const std::string& folder,
                                            const BackupProgress& progress) {
  BackupManifest manifest;
  VIGIE_ASSIGN_OR_RETURN(manifest, ReadBackupManifest(folder));
  uint64_t done = 0;
  for (const BackupFile& named : manifest.files) {
    BackupFile found;
    VIGIE_ASSIGN_OR_RETURN(found, Describe(folder, named.name));
    VIGIE_RETURN_IF_ERROR(CheckIsNamed(manifest, found));
    if (progress) progress(++done, manifest.files.size());
  }
  absl::StatusOr<std::unique_ptr<Store>> store = OpenSealedStore(DatabasePath(folder));
  if (ReasonOf(store.status()) == "SCHEMA_TOO_OLD") return manifest;
  if (!store.ok()) return store.status();
  BackupManifest found;
  VIGIE_ASSIGN_OR_RETURN(found, Examine(**store, folder));
  VIGIE_RETURN_IF_ERROR(CheckSame(manifest, found));
  return manifest;
}

absl::StatusOr<RestoreReport> RestoreBackup(const RestoreOptions& options,
                                            const BackupProgress& progress) {
  RestoreReport report;
  VIGIE_ASSIGN_OR_RETURN(report.backup, ReadBackupManifest(options.from));
  VIGIE_RETURN_IF_ERROR(EnsureDataDir(options.data_dir));
  const std::string lock_path = options.data_dir + "/lock";
  const int lock = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return FileFailed("open", lock_path);
  // Held until the end of the process' use of it: no server begins in the folder meanwhile.
  const std::unique_ptr<const int, void (*)(const int*)> unlock(&lock,
                                                                [](const int* fd) { close(*fd); });
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    return Error(absl::StatusCode::kUnavailable, "DATA_DIR_IN_USE",
                 absl::StrCat("a server uses the data folder ", options.data_dir));
  }
  VIGIE_RETURN_IF_ERROR(CheckFolderIsFree(options.data_dir));
  const bool again = Exists(StagingOf(options.data_dir));
  std::unique_ptr<WorkFolder> staging;
  VIGIE_ASSIGN_OR_RETURN(staging, WorkFolder::Make(StagingOf(options.data_dir)));
  if (again) staging->Keep();  // the folder is unfinished until a restore comes to its end
  VIGIE_RETURN_IF_ERROR(Prepare(options, *staging, &report));
  if (progress) progress(1, 1);
  VIGIE_RETURN_IF_ERROR(SyncPath(staging->path()));
  RemoveOtherCheckpoints(CheckpointFolder(options.data_dir), 0);
  VIGIE_RETURN_IF_ERROR(CheckFolderIsFree(options.data_dir));  // still
  staging->Keep();  // if what follows fails, it says so to a server
  // The database last: without it the folder is unfinished, with it whole.
  for (const char* name : {kBackupKey, kBackupDatabase}) {
    const std::string from = staging->path() + "/" + name;
    if (!Exists(from)) continue;
    const std::string to = options.data_dir + "/" + name;
    if (rename(from.c_str(), to.c_str()) != 0) return FileFailed("rename to", to);
    VIGIE_RETURN_IF_ERROR(SyncPath(options.data_dir));
  }
  std::error_code ignored;
  std::filesystem::remove_all(staging->path(), ignored);
  return report;
}

absl::Status CheckNoUnfinishedRestore(const std::string& data_dir) {
  if (!Exists(StagingOf(data_dir)) || Exists(DatabasePath(data_dir))) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "RESTORE_UNFINISHED",
               absl::StrCat("a restore did not come to its end in ", data_dir,
                            ": run `vigie restore` again"));
}

}  // namespace vigie
