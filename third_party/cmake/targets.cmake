# One CMake target per folder. The alias makes a typo in a dependency stop the configure step.

# What every target of ours is compiled with.
add_library(vigie_options INTERFACE)
target_compile_options(vigie_options INTERFACE -Wall -Wextra -Wshadow -Wconversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")  # whose -Wconversion means more than GCC's
  target_compile_options(vigie_options INTERFACE -Wno-sign-conversion)
endif()
if(VIGIE_WERROR)
  target_compile_options(vigie_options INTERFACE -Werror)
endif()
if(VIGIE_SANITIZE)
  target_compile_options(vigie_options INTERFACE -fsanitize=${VIGIE_SANITIZE}
                                                 -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(vigie_options INTERFACE -fsanitize=${VIGIE_SANITIZE})
  target_compile_definitions(vigie_options INTERFACE VIGIE_SANITIZED)  # what is slow or larger then
endif()
if(VIGIE_BUILD_FUZZERS)
  target_compile_options(vigie_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_include_directories(vigie_options INTERFACE ${PROJECT_SOURCE_DIR})

# vigie_unity(TARGET) compiles up to eight files of the target, in the order of its list, as one.
# Names in their anonymous namespaces must differ then. Why and where:
# docs/decisions/0025-files-compiled-together.md.
function(vigie_unity target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
endfunction()

# vigie_library(NAME [UNITY] SOURCES a.cc... [DEPS targets...] [PRIVATE_DEPS targets...])
# makes vigie_NAME with the alias vigie::NAME. DEPS appear in its headers, PRIVATE_DEPS do not.
# UNITY: vigie_unity() where VIGIE_UNITY is on.
function(vigie_library name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "UNITY" "" "SOURCES;DEPS;PRIVATE_DEPS")
  add_library(vigie_${name} STATIC ${ARG_SOURCES})
  add_library(vigie::${name} ALIAS vigie_${name})
  target_link_libraries(vigie_${name} PUBLIC vigie_options ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
  if(ARG_UNITY AND VIGIE_UNITY)
    vigie_unity(vigie_${name})
  endif()
endfunction()

# The headers of a package, without our warnings: imported targets are system includes already;
# variables-only packages get a wrapper here.
# What the engine uses of OpenCV: none of its codecs.
add_library(vigie_opencv_features INTERFACE)
target_include_directories(vigie_opencv_features SYSTEM INTERFACE ${OpenCV_INCLUDE_DIRS})
target_link_libraries(vigie_opencv_features INTERFACE opencv_core opencv_imgproc opencv_features2d)
if(VIGIE_BUILD_BENCH OR VIGIE_BUILD_TESTS)
  add_library(vigie_opencv INTERFACE)
  target_include_directories(vigie_opencv SYSTEM INTERFACE ${OpenCV_INCLUDE_DIRS})
  target_link_libraries(vigie_opencv INTERFACE opencv_core opencv_imgproc opencv_imgcodecs)
endif()

# AVX-512 with VPOPCNTDQ is a target of its own that Highway compiles on request only.
add_library(vigie_highway INTERFACE)
target_link_libraries(vigie_highway INTERFACE hwy::hwy)
target_compile_definitions(vigie_highway INTERFACE HWY_WANT_AVX3_DL)
add_library(vigie_sodium INTERFACE)
target_include_directories(vigie_sodium SYSTEM INTERFACE ${SODIUM_INCLUDE_DIR})
target_link_libraries(vigie_sodium INTERFACE ${SODIUM_LIBRARY})
add_library(vigie_xxhash INTERFACE)
target_include_directories(vigie_xxhash SYSTEM INTERFACE ${XXHASH_INCLUDE_DIR})
target_link_libraries(vigie_xxhash INTERFACE ${XXHASH_LIBRARY})
add_library(vigie_seccomp INTERFACE)
target_include_directories(vigie_seccomp SYSTEM INTERFACE ${SECCOMP_INCLUDE_DIR})
target_link_libraries(vigie_seccomp INTERFACE ${SECCOMP_LIBRARY})
if(VIGIE_BUILD_SERVER)
  add_library(vigie_prometheus INTERFACE)
  target_include_directories(vigie_prometheus SYSTEM INTERFACE ${PROMETHEUS_INCLUDE_DIR})
  target_link_libraries(vigie_prometheus INTERFACE ${PROMETHEUS_CORE_LIBRARY})
endif()
add_library(vigie_webp INTERFACE)
target_include_directories(vigie_webp SYSTEM INTERFACE ${WEBP_INCLUDE_DIR})
target_link_libraries(vigie_webp INTERFACE ${WEBP_DEMUX_LIBRARY} ${WEBP_LIBRARY})
