// A service of the contract whose methods get and give messages as bytes (see messages.h).
#pragma once

namespace vigie {

// RawMethods<v1::XService::Service, v1::XService::WithRawCallbackMethod_A, ...>::Type: what is
// generated for these methods, on top of one another.
template <class Service, template <class> class... Methods>
struct RawMethods {
  using Type = Service;
};
template <class Service, template <class> class First, template <class> class... Rest>
struct RawMethods<Service, First, Rest...> {
  using Type = First<typename RawMethods<Service, Rest...>::Type>;
};

}  // namespace vigie
