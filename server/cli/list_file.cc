#include "server/cli/list_file.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/base/fingerprint.h"
#include "engine/catalog/entry_life.h"
#include "engine/local/local_fingerprint.h"
#include "server/rpc/convert.h"

namespace vigie {
namespace {

constexpr size_t kMaxLine = 64 << 10;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

absl::Status Invalid(std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "LINE_INVALID", message);
}

// The fields of a CSV line (RFC 4180, without line ends inside quotes).
absl::StatusOr<std::vector<std::string>> SplitCsv(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += '"';
      ++i;
    } else if (c == '"' && (quoted || fields.back().empty())) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (quoted) return Invalid("a quotation mark is not closed");
  return fields;
}

std::string QuoteCsv(const std::string& field) {
  if (field.find_first_of(",\"") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field) {
    quoted += c;
    if (c == '"') quoted += c;
  }
  return quoted + "\"";
}

absl::Status AddFingerprint(Algorithm algorithm, std::string_view hex, int quality,
                            v1::Entry* entry) {
  v1::Fingerprint& fingerprint = *entry->add_fingerprints();
  fingerprint.set_algorithm(static_cast<v1::Algorithm>(static_cast<int>(algorithm)));
  fingerprint.set_hex(std::string(hex));
  if (algorithm == Algorithm::kPdq) fingerprint.set_quality(quality);
  // The server would refuse it too; refused here, the file's line is named and nothing is sent.
  const auto parsed = FromProto(fingerprint);
  return parsed.ok() ? Validate(*parsed) : parsed.status();
}

absl::StatusOr<int> ParseQuality(std::string_view text) {
  text = ToStd(absl::StripAsciiWhitespace(ToAbsl(text)));
  if (text.empty()) return 100;  // lists without qualities hold pictures their makers trust
  int quality = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, quality);
  if (parsed.ec != std::errc() || parsed.ptr != end || quality < 0 || quality > 100) {
    return Invalid("quality is a whole number from 0 to 100");
  }
  return quality;
}

// An exported entry that no longer acts is not brought back to life by importing it elsewhere.
absl::Status CheckState(const std::string& word) {
  if (word.empty()) return absl::OkStatus();
  const auto state = Parse<EntryState>(word);
  if (!state.has_value()) return Invalid(absl::StrCat("state is one of: ", Names<EntryState>()));
  if (Acts(*state) || *state == EntryState::kSubmitted) return absl::OkStatus();
  return Invalid(absl::StrCat("the entry is ", word, ": not imported"));
}

std::string StateWord(const v1::Entry& entry) {
  return entry.state() == v1::ENTRY_STATE_UNSPECIFIED
             ? std::string()
             : absl::AsciiStrToLower(v1::EntryState_Name(entry.state()));
}

absl::Status SetSubject(const std::string& word, v1::Entry* entry) {
  const auto subject = Parse<Subject>(word.empty() ? "unknown" : word);
  if (!subject.has_value()) return Invalid(absl::StrCat("subject is one of: ", Names<Subject>()));
  entry->set_subject(static_cast<v1::Subject>(static_cast<int>(*subject)));
  return absl::OkStatus();
}

// hash[,quality[,filename]]: the filename is the rest of the line, commas included.
absl::StatusOr<v1::Entry> ParsePlain(std::string_view line) {
  const size_t first = line.find(',');
  const std::string_view hash = line.substr(0, first);
  std::string_view rest =
      first == std::string_view::npos ? std::string_view() : line.substr(first + 1);
  const size_t second = rest.find(',');
  int quality = 0;
  VIGIE_ASSIGN_OR_RETURN(quality, ParseQuality(rest.substr(0, second)));
  v1::Entry entry;
  VIGIE_RETURN_IF_ERROR(AddFingerprint(
      Algorithm::kPdq, ToStd(absl::StripAsciiWhitespace(ToAbsl(hash))), quality, &entry));
  if (second != std::string_view::npos) {
    entry.set_external_reference(std::string(rest.substr(second + 1)));
  }
  VIGIE_RETURN_IF_ERROR(SetSubject("", &entry));
  return entry;
}

// The text at `key`, "" when it is not there; an error when it is something else.
absl::StatusOr<std::string> TextAt(const nlohmann::json& object, const std::string& key) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return std::string();
  if (!it->is_string()) return Invalid(absl::StrCat(key, " is a text"));
  return it->get<std::string>();
}

// "local", as `vigie hash --local` prints it. No value is put in a message.
absl::Status SetLocal(const std::string& base64, v1::Entry* entry) {
  if (base64.empty()) return absl::OkStatus();
  constexpr std::string_view kAdvice =
      ": hash the picture again with this version's vigie hash --local, or leave local out";
  if (!absl::Base64Unescape(base64, entry->mutable_local_fingerprint())) {
    return Invalid(absl::StrCat("local is not base64", ToAbsl(kAdvice)));
  }
  const auto local = DecodeLocal(entry->local_fingerprint());
  return local.ok() ? absl::OkStatus()
                    : Invalid(absl::StrCat(local.status().message(), ToAbsl(kAdvice)));
}

absl::StatusOr<v1::Entry> ParseJson(const std::string& line) {
  const auto object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return Invalid("not a JSON object");
  v1::Entry entry;
  int quality = 100;
  if (const auto it = object.find("quality"); it != object.end()) {
    if (!it->is_number_integer() || *it < 0 || *it > 100) {
      return Invalid("quality is a whole number from 0 to 100");
    }
    quality = it->get<int>();
  }
  // A value is a text, or a list of texts: several pictures of one entry.
  for (const auto& [key, algorithm] :
       {std::pair("hash", Algorithm::kPdq), std::pair("pdq", Algorithm::kPdq),
        std::pair("md5", Algorithm::kMd5), std::pair("sha1", Algorithm::kSha1),
        std::pair("sha256", Algorithm::kSha256)}) {
    const auto it = object.find(key);
    if (it == object.end() || it->is_null()) continue;
    for (const auto& value : it->is_array() ? *it : nlohmann::json::array({*it})) {
      if (!value.is_string()) return Invalid(absl::StrCat(key, " is a text"));
      VIGIE_RETURN_IF_ERROR(AddFingerprint(algorithm, value.get<std::string>(), quality, &entry));
    }
  }
  if (entry.fingerprints().empty()) return Invalid("no pdq, md5, sha1 or sha256");
  std::string local;
  VIGIE_ASSIGN_OR_RETURN(local, TextAt(object, "local"));
  VIGIE_RETURN_IF_ERROR(SetLocal(local, &entry));
  std::string filename;
  VIGIE_ASSIGN_OR_RETURN(filename, TextAt(object, "filename"));
  VIGIE_ASSIGN_OR_RETURN(*entry.mutable_external_reference(), TextAt(object, "external_reference"));
  if (entry.external_reference().empty()) entry.set_external_reference(filename);
  VIGIE_ASSIGN_OR_RETURN(*entry.mutable_jurisdiction(), TextAt(object, "jurisdiction"));
  VIGIE_ASSIGN_OR_RETURN(*entry.mutable_legal_basis(), TextAt(object, "legal_basis"));
  VIGIE_ASSIGN_OR_RETURN(*entry.mutable_case_reference(), TextAt(object, "case_reference"));
  std::string state;
  VIGIE_ASSIGN_OR_RETURN(state, TextAt(object, "state"));
  VIGIE_RETURN_IF_ERROR(CheckState(state));
  std::string subject;
  VIGIE_ASSIGN_OR_RETURN(subject, TextAt(object, "subject"));
  VIGIE_RETURN_IF_ERROR(SetSubject(subject, &entry));
  return entry;
}

// A first line that is not a hash names the columns.
bool IsHeader(const std::string& line) {
  const std::string first = line.substr(0, line.find(','));
  return !FromHex(first).has_value() &&
         line.find_first_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") !=
             std::string::npos &&
         (absl::AsciiStrToLower(line).find("hash") != std::string::npos ||
          absl::AsciiStrToLower(line).find("pdq") != std::string::npos ||
          absl::AsciiStrToLower(line).find("md5") != std::string::npos ||
          absl::AsciiStrToLower(line).find("sha") != std::string::npos);
}

}  // namespace

bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t at) -> uint32_t {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
    };
    const uint32_t first = byte(i++);
    if (first < 0x80) continue;
    const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    uint32_t point = first & (0x3fU >> more);
    for (int n = 0; n < more; ++n, ++i) {
      if ((byte(i) & 0xc0) != 0x80) return false;
      point = point << 6 | (byte(i) & 0x3f);
    }
    const uint32_t least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
    if (first < 0xc0 || first > 0xf4 || point < least || point > 0x10ffff ||
        (point >= 0xd800 && point <= 0xdfff)) {
      return false;
    }
  }
  return true;
}

absl::StatusOr<std::optional<v1::Entry>> ListFileReader::Next() {
  std::string line;
  while (std::getline(in_, line)) {
    ++line_number_;
    bytes_ += line.size() + 1;
    if (line_number_ == 1 && line.starts_with(kByteOrderMark)) {
      line.erase(0, kByteOrderMark.size());
    }
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line[0] == '#') continue;
    if (line.size() > kMaxLine) return Invalid("the line is too long");
    if (!IsUtf8(line)) return Invalid("the line is not UTF-8 text");
    if (!format_.has_value()) {
      format_ = line[0] == '{'   ? ListFormat::kJsonLines
                : IsHeader(line) ? ListFormat::kCsv
                                 : ListFormat::kPlain;
      if (*format_ == ListFormat::kCsv) {
        std::vector<std::string> names;
        VIGIE_ASSIGN_OR_RETURN(names, SplitCsv(line));
        for (size_t i = 0; i < names.size(); ++i) {
          columns_[absl::AsciiStrToLower(std::string(absl::StripAsciiWhitespace(names[i])))] = i;
        }
        continue;
      }
    }
    auto entry = Parse(line);
    if (!entry.ok()) return Invalid(MessageOf(entry.status()));
    return std::optional<v1::Entry>(*std::move(entry));
  }
  if (in_.bad()) {
    return Error(absl::StatusCode::kDataLoss, "FILE_UNREADABLE", "reading the file failed");
  }
  return std::nullopt;
}

absl::StatusOr<v1::Entry> ListFileReader::Parse(const std::string& line) const {
  if (format_ == ListFormat::kJsonLines) return ParseJson(line);
  if (format_ == ListFormat::kPlain) return ParsePlain(line);
  std::vector<std::string> fields;
  VIGIE_ASSIGN_OR_RETURN(fields, SplitCsv(line));
  return ParseColumns(fields);
}

absl::StatusOr<v1::Entry> ListFileReader::ParseColumns(
    const std::vector<std::string>& fields) const {
  const auto at = [&](const std::string& column) {
    const auto it = columns_.find(column);
    return it == columns_.end() || it->second >= fields.size() ? std::string() : fields[it->second];
  };
  v1::Entry entry;
  int quality = 0;
  VIGIE_ASSIGN_OR_RETURN(quality, ParseQuality(at("quality")));
  for (const auto& [column, algorithm] :
       {std::pair("hash", Algorithm::kPdq), std::pair("pdq", Algorithm::kPdq),
        std::pair("md5", Algorithm::kMd5), std::pair("sha1", Algorithm::kSha1),
        std::pair("sha256", Algorithm::kSha256)}) {
    const std::string value = at(column);
    if (value.empty()) continue;
    VIGIE_RETURN_IF_ERROR(AddFingerprint(algorithm, value, quality, &entry));
  }
  if (entry.fingerprints().empty()) return Invalid("no hash in this line");
  const std::string reference = at("external_reference");
  entry.set_external_reference(reference.empty() ? at("filename") : reference);
  entry.set_jurisdiction(at("jurisdiction"));
  entry.set_legal_basis(at("legal_basis"));
  entry.set_case_reference(at("case_reference"));
  VIGIE_RETURN_IF_ERROR(CheckState(at("state")));
  VIGIE_RETURN_IF_ERROR(SetSubject(at("subject"), &entry));
  return entry;
}

std::string HeaderOf(ListFormat format) {
  return format == ListFormat::kCsv ? "hash,quality,external_reference,state" : "";
}

bool WriteEntry(const v1::Entry& entry, ListFormat format, std::string* line) {
  if (format == ListFormat::kJsonLines) {
    nlohmann::ordered_json object;
    object["external_reference"] = entry.external_reference();
    for (const v1::Fingerprint& fingerprint : entry.fingerprints()) {
      const std::string key = absl::AsciiStrToLower(v1::Algorithm_Name(fingerprint.algorithm()));
      object[key].push_back(fingerprint.hex());
      if (fingerprint.algorithm() == v1::PDQ) object["quality"] = fingerprint.quality();
    }
    object["entry"] = entry.name();
    object["state"] = StateWord(entry);
    object["subject"] = Name(static_cast<Subject>(static_cast<int>(entry.subject())));
    object["jurisdiction"] = entry.jurisdiction();
    object["legal_basis"] = entry.legal_basis();
    object["case_reference"] = entry.case_reference();
    *line = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return true;
  }
  const auto pdq = std::find_if(entry.fingerprints().begin(), entry.fingerprints().end(),
                                [](const v1::Fingerprint& f) { return f.algorithm() == v1::PDQ; });
  if (pdq == entry.fingerprints().end()) return false;
  *line = absl::StrCat(pdq->hex(), ",", pdq->quality(), ",");
  if (format == ListFormat::kPlain) {
    // This form has no place for a state, so what no longer acts stays out of it.
    if (!CheckState(StateWord(entry)).ok()) return false;
    absl::StrAppend(line, entry.external_reference());
  } else {
    absl::StrAppend(line, QuoteCsv(entry.external_reference()), ",", StateWord(entry));
  }
  return true;
}

}  // namespace vigie
