#include "engine/local/local_fingerprint.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/local/descriptor.h"

namespace vigie {
namespace {

// Bytes: 'V', 'L', version, 0, width, height, count (each 2, low byte first), then for each
// keypoint x and y (12 bits each), level, angle, and the descriptor.
constexpr size_t kHeaderSize = 10;
constexpr size_t kKeypointSize = 5 + sizeof(Pdq256);
constexpr std::array<char, 4> kStart = {'V', 'L', kLocalVersion, 0};

void Put(unsigned value, std::string& bytes) {
  bytes.push_back(static_cast<char>(value & 255));
  bytes.push_back(static_cast<char>(value >> 8 & 255));
}

unsigned ByteAt(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }
unsigned Get(std::string_view bytes, size_t at) {
  return ByteAt(bytes, at) | ByteAt(bytes, at + 1) << 8;
}

absl::Status Malformed(std::string_view why) {
  return Error(absl::StatusCode::kInvalidArgument, "HASH_MALFORMED", why);
}

}  // namespace

LocalFingerprint Mirrored(const LocalFingerprint& local) {
  LocalFingerprint mirrored = local;
  for (LocalKeypoint& keypoint : mirrored.keypoints) {
    keypoint.x = static_cast<uint16_t>(local.width * LocalKeypoint::kSubpixels - keypoint.x);
    keypoint.angle = static_cast<uint8_t>(128 - keypoint.angle);
  }
  for (Pdq256& descriptor : mirrored.descriptors) descriptor = MirroredDescriptor(descriptor);
  return mirrored;
}

absl::Status ValidateLocal(const LocalFingerprint& local) {
  if (local.width < 0 || local.height < 0 || local.width > kLocalSide ||
      local.height > kLocalSide || (local.width == 0) != (local.height == 0)) {
    return Malformed("a local fingerprint has an impossible size of the picture");
  }
  if (local.keypoints.size() > kMaxLocalKeypoints ||
      local.keypoints.size() != local.descriptors.size()) {
    return Malformed("a local fingerprint has an impossible number of keypoints");
  }
  for (const LocalKeypoint& keypoint : local.keypoints) {
    if (keypoint.x >= local.width * LocalKeypoint::kSubpixels ||
        keypoint.y >= local.height * LocalKeypoint::kSubpixels || keypoint.level >= kLocalLevels) {
      return Malformed("a local fingerprint has a keypoint outside of its picture");
    }
  }
  return absl::OkStatus();
}

std::string EncodeLocal(const LocalFingerprint& local) {
  std::string bytes(kStart.begin(), kStart.end());
  bytes.reserve(kHeaderSize + kKeypointSize * local.keypoints.size());
  Put(static_cast<unsigned>(local.width), bytes);
  Put(static_cast<unsigned>(local.height), bytes);
  Put(static_cast<unsigned>(local.keypoints.size()), bytes);
  for (size_t i = 0; i < local.keypoints.size(); ++i) {
    const LocalKeypoint& keypoint = local.keypoints[i];
    Put(keypoint.x | (keypoint.y & 15U) << 12, bytes);
    bytes.push_back(static_cast<char>(keypoint.y >> 4));
    bytes.push_back(static_cast<char>(keypoint.level));
    bytes.push_back(static_cast<char>(keypoint.angle));
    const auto& code = local.descriptors[i].bytes;
    bytes.append(code.begin(), code.end());
  }
  return bytes;
}

absl::StatusOr<LocalFingerprint> DecodeLocal(std::string_view bytes) {
  if (bytes.size() < kHeaderSize || !std::equal(kStart.begin(), kStart.end(), bytes.begin())) {
    return Malformed("not a local fingerprint, or one of another version");
  }
  LocalFingerprint local{.width = static_cast<int>(Get(bytes, 4)),
                         .height = static_cast<int>(Get(bytes, 6)),
                         .keypoints = {},
                         .descriptors = {}};
  const size_t count = Get(bytes, 8);
  if (count > kMaxLocalKeypoints || bytes.size() != kHeaderSize + count * kKeypointSize) {
    return Malformed("a local fingerprint has another length than it says");
  }
  local.keypoints.resize(count);
  local.descriptors.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const std::string_view from = bytes.substr(kHeaderSize + i * kKeypointSize, kKeypointSize);
    const unsigned low = Get(from, 0);
    local.keypoints[i] = {.x = static_cast<uint16_t>(low & 0xFFF),
                          .y = static_cast<uint16_t>(low >> 12 | ByteAt(from, 2) << 4),
                          .level = static_cast<uint8_t>(ByteAt(from, 3)),
                          .angle = static_cast<uint8_t>(ByteAt(from, 4))};
    std::memcpy(local.descriptors[i].bytes.data(), from.data() + 5, sizeof(Pdq256));
  }
  VIGIE_RETURN_IF_ERROR(ValidateLocal(local));
  return local;
}

}  // namespace vigie
