// vigie review: what waits for a decision, and decisions.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/cli/cli.h"
#include "server/cli/client.h"
#include "vigie/v1/review.grpc.pb.h"

namespace vigie {
namespace {

struct ReviewFlags {
  ClientOptions client;
  std::string name;
  std::string list;
  std::string category;
  std::string state;
  std::string person;
  std::string reason;
  std::string note;
  std::string legal_basis;
  std::string case_reference;
  std::string upload;
  std::string finding;
  std::string organisation;
  bool release = false;
  uint64_t revision = 0;
};

using Stub = v1::ReviewService::Stub;
// Which of the calls that take a DecideRequest.
using DecisionCall = grpc::Status (Stub::*)(grpc::ClientContext*, const v1::DecideRequest&,
                                            v1::Outcome*);

absl::StatusOr<v1::Decision> DecisionOf(const ReviewFlags& options) {
  v1::Decision decision;
  if (!options.reason.empty()) {
    v1::ReasonCode reason{};
    if (!v1::ReasonCode_Parse(absl::AsciiStrToUpper(options.reason), &reason)) {
      return UsageError(absl::StrCat("--reason: ", options.reason, " is none: see --help"));
    }
    decision.set_reason(reason);
  }
  decision.set_person(options.person);
  decision.set_note(options.note);
  decision.set_legal_basis(options.legal_basis);
  decision.set_case_reference(options.case_reference);
  decision.set_revision(options.revision);
  return decision;
}

// Runs `call` with a prepared context and prints its answer.
int Ask(const ReviewFlags& options,
        const std::function<grpc::Status(Stub&, grpc::ClientContext*, v1::Outcome*)>& call) {
  const auto client = Client::Connect(options.client);
  if (!client.ok()) return Fail(client.status());
  grpc::ClientContext context;
  client->Prepare(context);
  v1::Outcome outcome;
  const auto stub = v1::ReviewService::NewStub(client->channel());
  const absl::Status status = FromGrpc(call(*stub, &context, &outcome));
  if (!status.ok()) return Fail(status);
  std::fputs(ToJson(outcome, /*pretty=*/true).c_str(), stdout);
  return kExitOk;
}

int DecideOn(const ReviewFlags& options, DecisionCall method) {
  const auto decision = DecisionOf(options);
  if (!decision.ok()) return Fail(decision.status());
  v1::DecideRequest request;
  request.set_name(options.name);
  *request.mutable_decision() = *decision;
  return Ask(options, [&](Stub& stub, grpc::ClientContext* context, v1::Outcome* outcome) {
    return (stub.*method)(context, request, outcome);
  });
}

int Settle(const ReviewFlags& options, v1::SettleEntryRequest::Settlement settlement) {
  const auto decision = DecisionOf(options);
  if (!decision.ok()) return Fail(decision.status());
  v1::SettleEntryRequest request;
  request.set_name(options.name);
  request.set_settlement(settlement);
  *request.mutable_decision() = *decision;
  return Ask(options, [&](Stub& stub, grpc::ClientContext* context, v1::Outcome* outcome) {
    return stub.SettleEntry(context, request, outcome);
  });
}

int Show(const ReviewFlags& options) {
  v1::GetOutcomeRequest request;
  request.set_name(options.name);
  return Ask(options, [&](Stub& stub, grpc::ClientContext* context, v1::Outcome* outcome) {
    return stub.GetOutcome(context, request, outcome);
  });
}

int List(const ReviewFlags& options) {
  v1::ListReviewsRequest request;
  v1::Category category{};
  v1::EntryState state{};
  const bool understood =
      (options.category.empty() ||
       v1::Category_Parse(absl::AsciiStrToUpper(options.category), &category)) &&
      (options.state.empty() || v1::EntryState_Parse(absl::AsciiStrToUpper(options.state), &state));
  if (!understood) {
    return Fail(UsageError("--category or --state is not a word of the contract: see --help"));
  }
  if (!options.list.empty()) request.set_parent("lists/" + options.list);
  request.set_category(category);
  request.set_state(state);
  request.set_page_size(1000);
  const auto client = Client::Connect(options.client);
  if (!client.ok()) return Fail(client.status());
  const auto stub = v1::ReviewService::NewStub(client->channel());
  do {
    grpc::ClientContext context;
    client->Prepare(context);
    v1::ListReviewsResponse page;
    const absl::Status status = FromGrpc(stub->ListReviews(&context, request, &page));
    if (!status.ok()) return Fail(status);
    for (const v1::Outcome& outcome : page.outcomes()) {
      std::puts(ToJson(outcome, /*pretty=*/false).c_str());
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return kExitOk;
}

int GiveFeedback(const ReviewFlags& options) {
  v1::GiveFeedbackRequest request;
  v1::GiveFeedbackRequest::Finding finding{};
  if (!v1::GiveFeedbackRequest::Finding_Parse(absl::AsciiStrToUpper(options.finding), &finding)) {
    return Fail(UsageError("--finding is true_positive or false_positive"));
  }
  request.set_name(options.name);
  request.set_upload(options.upload);
  request.set_finding(finding);
  request.set_release(options.release);
  const auto client = Client::Connect(options.client);
  if (!client.ok()) return Fail(client.status());
  grpc::ClientContext context;
  client->Prepare(context);
  v1::GiveFeedbackResponse response;
  const auto stub = v1::ReviewService::NewStub(client->channel());
  const absl::Status status = FromGrpc(stub->GiveFeedback(&context, request, &response));
  return status.ok() ? kExitOk : Fail(status);
}

int ShowRecord(const ReviewFlags& options) {
  v1::GetSubmitterRecordRequest request;
  request.set_organisation(options.organisation);
  const auto client = Client::Connect(options.client);
  if (!client.ok()) return Fail(client.status());
  grpc::ClientContext context;
  client->Prepare(context);
  v1::SubmitterRecord record;
  const auto stub = v1::ReviewService::NewStub(client->channel());
  const absl::Status status = FromGrpc(stub->GetSubmitterRecord(&context, request, &record));
  if (!status.ok()) return Fail(status);
  std::fputs(ToJson(record, /*pretty=*/true).c_str(), stdout);
  return kExitOk;
}

CLI::App* AddDecision(CLI::App& command, const char* name, const char* what,
                      const std::shared_ptr<ReviewFlags>& options) {
  CLI::App* sub = command.add_subcommand(name, what);
  AddClientOptions(*sub, &options->client);
  sub->add_option("--person", options->person, "the human who decides");
  sub->add_option("--reason", options->reason,
                  "illegal_content, court_order, not_illegal, wrong_picture, consent_given, "
                  "submitted_by_mistake, victim_request, insufficient_information, "
                  "abusive_submission, proceedings_closed, proceedings_pending, data_protection "
                  "or other_reason");
  sub->add_option("--note", options->note, "in your words; kept with the entry");
  sub->add_option("--legal-basis", options->legal_basis, "kept in the events");
  sub->add_option("--case", options->case_reference, "case reference; kept in the events");
  sub->add_option("--revision", options->revision,
                  "decide only if the entry still has the revision that you saw");
  sub->add_option("NAME", options->name, "lists/{list}/entries/{entry}")->required();
  return sub;
}

// What platforms say of matches, and what became of an organisation's submissions.
void AddFindings(CLI::App& command, const std::shared_ptr<ReviewFlags>& options, int* exit_code) {
  CLI::App* feedback = command.add_subcommand(
      "feedback", "Say of a match that it was right (true_positive) or wrong (false_positive)");
  AddClientOptions(*feedback, &options->client);
  feedback->add_option("--upload", options->upload, "the verdict's upload")->required();
  feedback->add_option("--finding", options->finding, "true_positive or false_positive")
      ->required();
  feedback->add_flag("--release", options->release,
                     "with false_positive: this picture is no longer held back here");
  feedback->add_option("NAME", options->name, "lists/{list}/entries/{entry}")->required();
  feedback->callback([options, exit_code] { *exit_code = GiveFeedback(*options); });

  CLI::App* record =
      command.add_subcommand("record", "Print how an organisation's submissions fared, as JSON");
  AddClientOptions(*record, &options->client);
  record->add_option("ORGANISATION", options->organisation, "whose submissions")->required();
  record->callback([options, exit_code] { *exit_code = ShowRecord(*options); });
}

}  // namespace

void AddReview(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand("review", "Decide about entries, and read what became");
  command->require_subcommand(1);
  auto options = std::make_shared<ReviewFlags>();

  CLI::App* list = command->add_subcommand(
      "list", "Print what waits for a decision, oldest deadline first, one JSON object a line");
  AddClientOptions(*list, &options->client);
  list->add_option("--list", options->list, "of this list only");
  list->add_option("--category", options->category, "of this category only, for instance ncii");
  list->add_option("--state", options->state, "provisional or contested");
  list->callback([options, exit_code] { *exit_code = List(*options); });

  CLI::App* show = command->add_subcommand("show", "Print what became of an entry, as JSON");
  AddClientOptions(*show, &options->client);
  show->add_option("NAME", options->name, "lists/{list}/entries/{entry}")->required();
  show->callback([options, exit_code] { *exit_code = Show(*options); });

  const struct {
    const char* name;
    const char* what;
    DecisionCall method;
  } kDecisions[] = {
      {"confirm", "The entry is right: it acts without a time limit", &Stub::ConfirmEntry},
      {"reject", "The entry is wrong: it stops acting, for good", &Stub::RejectEntry},
      {"contest", "Ask for a re-examination", &Stub::ContestEntry},
      {"renew", "Prolong the time of your undecided or expired entry", &Stub::RenewEntry},
      {"revoke", "A court has decided: the entry stops acting, for good", &Stub::RevokeEntry},
      {"erase", "Remove the entry's values and texts, for good", &Stub::EraseEntry},
      {"suspend", "In an emergency: matches with the entry are only reported", &Stub::SuspendEntry},
      {"resume", "The entry acts again as its state says", &Stub::ResumeEntry},
  };
  for (const auto& decision : kDecisions) {
    AddDecision(*command, decision.name, decision.what, options)
        ->callback([options, exit_code, method = decision.method] {
          *exit_code = DecideOn(*options, method);
        });
  }
  AddFindings(*command, options, exit_code);
  AddDecision(*command, "uphold", "End a contest: the entry was right", options)
      ->callback(
          [options, exit_code] { *exit_code = Settle(*options, v1::SettleEntryRequest::UPHELD); });
  AddDecision(*command, "reverse", "End a contest: the entry was wrong", options)
      ->callback([options, exit_code] {
        *exit_code = Settle(*options, v1::SettleEntryRequest::REVERSED);
      });
}

}  // namespace vigie
