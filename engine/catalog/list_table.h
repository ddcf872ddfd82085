// The lists of one moment. Immutable: a change publishes a new table, readers pin the one they saw.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/catalog/entry_table.h"
#include "engine/store/records.h"

namespace vigie {

class ListTable {
 public:
  using ListPtr = std::shared_ptr<const ListRecord>;

  ListTable() = default;
  explicit ListTable(std::vector<ListRecord> lists);

  // The table with `list` added, or in place of the one with its number.
  ListTable With(ListRecord list) const;

  // nullptr for an unknown number or id. Deleted lists are found too: see deleted_us.
  ListPtr ByNumber(ListNumber number) const;
  ListPtr ById(std::string_view id) const;
  // As ByNumber(), for as long as the table lives: for loops over millions of entries.
  const ListRecord* Find(ListNumber number) const {
    return number >= 1 && number <= by_number_.size() ? by_number_[number - 1].get() : nullptr;
  }
  // Lists of `organisation` that are not deleted, by number.
  std::vector<ListPtr> OwnedBy(std::string_view organisation) const;

  // The largest max_distance of any list that is not deleted; -1 without lists.
  int widest() const { return widest_; }
  // The ALLOW lists that are not deleted.
  const std::vector<ListNumber>& allow_lists() const { return allow_lists_; }
  // True when the owner of `list` has another one of its kind that is not deleted.
  bool HasSibling(const ListRecord& list) const;

 private:
  void Put(ListRecord list);
  void Summarise();  // after the last Put(): every check asks for it

  std::vector<ListPtr> by_number_;  // [number - 1]
  std::map<std::string, ListPtr, std::less<>> by_id_;
  int widest_ = -1;
  std::vector<ListNumber> allow_lists_;
};

// True when an entry with these facts belongs into the index: its state acts, its list is there.
bool IsSearched(const EntryFacts& entry, const ListTable& lists);

// True when `list` acts on uploads of `organisation`: it is named in the audience, the audience is
// everybody, or the list is its own.
bool ActsFor(const ListRecord& list, std::string_view organisation);

}  // namespace vigie
