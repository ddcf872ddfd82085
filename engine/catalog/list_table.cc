#include "engine/catalog/list_table.h"

#include <algorithm>
#include <utility>

#include "engine/catalog/entry_life.h"

namespace vigie {

ListTable::ListTable(std::vector<ListRecord> lists) {
  for (ListRecord& list : lists) Put(std::move(list));
  Summarise();
}

void ListTable::Put(ListRecord list) {
  const auto pointer = std::make_shared<const ListRecord>(std::move(list));
  if (by_number_.size() < pointer->number) by_number_.resize(pointer->number);
  by_number_[pointer->number - 1] = pointer;
  by_id_[pointer->id] = pointer;
}

ListTable ListTable::With(ListRecord list) const {
  ListTable next = *this;
  next.Put(std::move(list));
  next.Summarise();
  return next;
}

void ListTable::Summarise() {
  widest_ = -1;
  allow_lists_.clear();
  for (const ListPtr& list : by_number_) {
    if (list == nullptr || list->deleted_us != 0) continue;
    widest_ = std::max(widest_, list->max_distance);
    if (list->kind == ListKind::kAllow) allow_lists_.push_back(list->number);
  }
}

bool ListTable::HasSibling(const ListRecord& list) const {
  return std::any_of(by_number_.begin(), by_number_.end(), [&list](const ListPtr& other) {
    return other != nullptr && other->deleted_us == 0 && other->number != list.number &&
           other->kind == list.kind && other->organisation == list.organisation;
  });
}

ListTable::ListPtr ListTable::ByNumber(ListNumber number) const {
  return number >= 1 && number <= by_number_.size() ? by_number_[number - 1] : nullptr;
}

ListTable::ListPtr ListTable::ById(std::string_view id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second;
}

std::vector<ListTable::ListPtr> ListTable::OwnedBy(std::string_view organisation) const {
  std::vector<ListPtr> owned;
  for (const ListPtr& list : by_number_) {
    if (list != nullptr && list->deleted_us == 0 && list->organisation == organisation) {
      owned.push_back(list);
    }
  }
  return owned;
}

bool IsSearched(const EntryFacts& entry, const ListTable& lists) {
  const ListRecord* list = lists.Find(entry.list);
  return list != nullptr && list->deleted_us == 0 && Acts(entry.state);
}

bool ActsFor(const ListRecord& list, std::string_view organisation) {
  return list.audience.empty() || list.organisation == organisation ||
         std::find(list.audience.begin(), list.audience.end(), organisation) != list.audience.end();
}

}  // namespace vigie
