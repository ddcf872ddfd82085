// A queue in which owners take turns: each gets an equal share of the work, however much the others
// have put in. Plain logic, one thread at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace vigie {

// Start-time fair queueing: an owner's next item begins, in time that counts work instead of
// seconds, when its last one would have ended; the item that begins first is taken first. An owner
// who comes back after a pause begins now: it gains nothing by having been away, and owes nothing.
template <typename T>
class FairQueue {
 public:
  // `cost` is what the item takes, in any unit, 1 or more.
  void Push(std::string_view owner, int64_t cost, T item) {
    Owner& of = owners_.try_emplace(std::string(owner)).first->second;
    if (of.items.empty()) {
      of.begins = std::max(of.begins, now_);
      waiting_.insert({of.begins, turn_++, &of});
    }
    of.cost += cost;
    cost_ += cost;
    ++size_;
    of.items.emplace_back(cost, std::move(item));
  }

  // The next item; the queue is not empty.
  T Pop() {
    const auto [begins, turn, of] = waiting_.extract(waiting_.begin()).value();
    auto [cost, item] = std::move(of->items.front());
    of->items.pop_front();
    now_ = begins;
    of->begins = begins + cost;
    of->cost -= cost;
    cost_ -= cost;
    --size_;
    if (!of->items.empty()) waiting_.insert({of->begins, turn_++, of});
    if (size_ == 0) Forget();
    return std::move(item);
  }

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  int64_t cost() const { return cost_; }
  // Owners with something in the queue.
  size_t owners() const { return waiting_.size(); }
  size_t size_of(std::string_view owner) const {
    const auto it = owners_.find(std::string(owner));
    return it == owners_.end() ? 0 : it->second.items.size();
  }
  int64_t cost_of(std::string_view owner) const {
    const auto it = owners_.find(std::string(owner));
    return it == owners_.end() ? 0 : it->second.cost;
  }

 private:
  struct Owner {
    std::deque<std::pair<int64_t, T>> items;
    int64_t cost = 0;    // of the items
    int64_t begins = 0;  // the first of them, or the next to come
  };
  // When it begins; who came first among equals; whose.
  using Turn = std::tuple<int64_t, uint64_t, Owner*>;

  // Everybody begins anew: the table does not grow with names that were seen once. The work in hand
  // when the queue runs empty is nobody's disadvantage.
  void Forget() {
    owners_.clear();
    now_ = 0;
  }

  std::unordered_map<std::string, Owner> owners_;
  std::set<Turn> waiting_;
  size_t size_ = 0;
  int64_t cost_ = 0;
  int64_t now_ = 0;  // where the item taken last began
  uint64_t turn_ = 0;
};

}  // namespace vigie
