// Loops over a small number that is known at run time only, unrolled.
#pragma once

#include <cstddef>
#include <type_traits>

namespace vigie {

// Calls use(count); for the smallest counts, which pictures mostly have, with a constant.
template <class Use>
inline __attribute__((always_inline)) void WithConstant(size_t count, const Use& use) {
  switch (count) {
    case 1:
      return use(std::integral_constant<size_t, 1>());
    case 2:
      return use(std::integral_constant<size_t, 2>());
    case 3:
      return use(std::integral_constant<size_t, 3>());
    case 4:
      return use(std::integral_constant<size_t, 4>());
    default:
      return use(count);
  }
}

}  // namespace vigie
