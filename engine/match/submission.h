// A picture as its submitter hands it in: values, never the picture.
#pragma once

#include <string>
#include <vector>

#include "engine/base/digest.h"
#include "engine/base/fingerprint.h"
#include "engine/match/image_hasher.h"

namespace vigie {

struct Submission {
  std::vector<Fingerprint> fingerprints;
  std::string local;  // NewEntry::local; empty: it has too few places, or none were asked for
};

// How a picture is hashed to be submitted, on a server or by the submitter: exactly, in all of its
// pixels that count; with `local` places as well.
HashOptions SubmissionOptions(Profile profile, bool local);

// The fingerprint that finds exact copies of `encoded`. `algorithm` is kMd5, kSha1 or kSha256.
Fingerprint DigestOf(Algorithm algorithm, Bytes encoded);

// What is submitted of `encoded`, which was hashed so: a PDQ for each frame that a check would look
// up, SHA-256 and MD5. Errors of decoding, also when only a part of the picture was in the way.
absl::StatusOr<Submission> SubmissionOf(Bytes encoded, Profile profile, const HashedImage& image);

}  // namespace vigie
