// What systemd wants to hear of a service of Type=notify (sd_notify(3)), without its library.
#pragma once

#include <string>
#include <string_view>

namespace vigie {

// Sends "READY=1" and the like, several divided by line ends, to the socket that NOTIFY_SOCKET
// names. Does nothing without one; a failure is not told: nothing depends on it here.
void TellServiceManager(std::string_view state);

// "RELOADING=1" with the time that newer versions want beside it.
std::string ReloadingState();

}  // namespace vigie
