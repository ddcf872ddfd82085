# Every find_package of the project, once. What each is for: ../README.md.
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(absl REQUIRED CONFIG)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(TIFF 4.5 REQUIRED)
find_package(GIF REQUIRED)
find_package(libavif REQUIRED CONFIG)
find_package(libheif REQUIRED CONFIG)
# Debian ships no package file for libwebp.
find_path(WEBP_INCLUDE_DIR webp/decode.h REQUIRED)
find_library(WEBP_LIBRARY webp REQUIRED)
find_library(WEBP_DEMUX_LIBRARY webpdemux REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)  # before faiss, whose package file expects its target
find_package(faiss REQUIRED CONFIG)
find_package(hwy REQUIRED CONFIG)
find_package(SQLite3 REQUIRED)
# Debian ships no CMake package file for these three.
find_path(SODIUM_INCLUDE_DIR sodium.h REQUIRED)
find_library(SODIUM_LIBRARY sodium REQUIRED)
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
find_library(XXHASH_LIBRARY xxhash REQUIRED)
find_path(SECCOMP_INCLUDE_DIR seccomp.h REQUIRED)
find_library(SECCOMP_LIBRARY seccomp REQUIRED)

if(VIGIE_BUILD_SERVER)
  find_package(Protobuf REQUIRED MODULE)  # Debian ships no config file for it
  find_package(gRPC REQUIRED CONFIG)
  find_package(CLI11 REQUIRED CONFIG)
  find_package(tomlplusplus REQUIRED CONFIG)
  find_package(spdlog REQUIRED CONFIG)
  find_package(nlohmann_json REQUIRED CONFIG)
  # Its package file also asks for civetweb and curl, which we do not use.
  find_path(PROMETHEUS_INCLUDE_DIR prometheus/text_serializer.h REQUIRED)
  find_library(PROMETHEUS_CORE_LIBRARY prometheus-cpp-core REQUIRED)
  # google/rpc/status.proto and error_details.proto, which Debian ships with this Go package.
  find_path(GOOGLE_RPC_PROTO_DIR google/rpc/error_details.proto
            PATHS /usr/share/gocode/src/github.com/gogo/googleapis REQUIRED)
endif()
if(VIGIE_BUILD_BENCH)
  find_package(OpenCV REQUIRED COMPONENTS core imgcodecs imgproc)
  find_package(benchmark REQUIRED CONFIG)
  find_package(JPEG REQUIRED)
  find_package(CLI11 REQUIRED CONFIG)
  find_package(nlohmann_json REQUIRED CONFIG)
endif()
if(VIGIE_BUILD_TESTS)
  find_package(GTest REQUIRED CONFIG)
  find_package(OpenCV REQUIRED COMPONENTS core imgcodecs imgproc)
  find_library(WEBP_MUX_LIBRARY webpmux REQUIRED)
  # Debian's Python modules belong to Debian's interpreter, which need not be first on the path.
  find_program(VIGIE_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
endif()
