#include "server/metrics/http_server.h"

#include <gtest/gtest.h>

namespace vigie {
namespace {

TEST(HttpServer, AnAddressThatCannotBeListenedOnIsAnError) {
  for (const char* listen : {"127.0.0.1", "no such host:0", "127.0.0.1:99999999", "192.0.2.1:0"}) {
    const auto server = HttpServer::Start(listen, {});
    ASSERT_FALSE(server.ok()) << listen;
    EXPECT_EQ(ReasonOf(server.status()), "LISTEN_FAILED") << listen;
  }
}

TEST(HttpServer, ItSaysWhichPortItTookAndEnds) {
  for (int i = 0; i < 50; ++i) {
    const auto server = HttpServer::Start("127.0.0.1:0", {});
    ASSERT_TRUE(server.ok()) << server.status();
    EXPECT_TRUE((*server)->address().starts_with("127.0.0.1:"));
    EXPECT_NE((*server)->address(), "127.0.0.1:0");
  }
}

}  // namespace
}  // namespace vigie
