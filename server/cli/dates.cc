#include "server/cli/dates.h"

#include <charconv>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "server/cli/cli.h"

namespace vigie {
namespace {

constexpr std::string_view kDay = "dddd-dd-dd";
constexpr std::string_view kMoment = "dddd-dd-ddTdd:dd:ddZ";

// A 'd' of the form stands for a digit.
bool HasForm(std::string_view text, std::string_view form) {
  if (text.size() != form.size()) return false;
  for (size_t i = 0; i < form.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (form[i] == 'd' ? !digit : text[i] != form[i]) return false;
  }
  return true;
}

int Number(std::string_view text, size_t at, size_t digits) {
  int value = 0;
  std::from_chars(text.data() + at, text.data() + at + digits, value);
  return value;
}

}  // namespace

std::string ToText(TimeUs us) {
  if (us == 0) return "-";
  const std::time_t seconds = us / kSecondUs;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

absl::StatusOr<TimeUs> ParseTime(std::string_view flag, std::string_view text, bool end_of_day) {
  const bool day = HasForm(text, kDay);
  if (day || HasForm(text, kMoment)) {
    std::tm parts{};
    parts.tm_year = Number(text, 0, 4) - 1900;
    parts.tm_mon = Number(text, 5, 2) - 1;
    parts.tm_mday = Number(text, 8, 2);
    if (!day) {
      parts.tm_hour = Number(text, 11, 2);
      parts.tm_min = Number(text, 14, 2);
      parts.tm_sec = Number(text, 17, 2);
    }
    const TimeUs time = TimeUs{timegm(&parts)} * kSecondUs;
    // A day that the month does not have comes out as another.
    const std::string whole = day ? absl::StrCat(ToAbsl(text), "T00:00:00Z") : std::string(text);
    if (Number(text, 0, 4) > 1970 && ToText(time) == whole) {
      return day && end_of_day ? time + kDayUs : time;
    }
  }
  return UsageError(absl::StrCat(ToAbsl(flag),
                                 " is a day (2026-12-31) or a moment "
                                 "(2026-12-31T18:00:00Z), in UTC"));
}

}  // namespace vigie
