#include "actions/stored_outcome.h"

#include <gtest/gtest.h>

namespace signalbox::actions {
namespace {

constexpr std::size_t kMost = 100;

ActionResult kept(const ActionResult& result, std::size_t bytes_max = kMost) {
    const ExecutionEnd end = stored_outcome(result, bytes_max);
    ExecutionRecord record;
    record.state = end.state;
    record.outcome = end.outcome;
    return replayed_outcome(record);
}

TEST(StoredOutcome, KeepsTheBytesOfASuccess) {
    const std::string data = R"({ "n":1.10,"b":"\u2028" })";
    EXPECT_EQ(kept(JsonText::trusted(data))->str(), data);
}

TEST(StoredOutcome, KeepsAllThatAFailureSays) {
    Error error;
    error.code = "OUT_OF_STOCK";
    error.message = "no \"tea\"\n left";
    error.details = R"([{"path":"/a","message":"\u00e4"}])";
    error.retry_after = Milliseconds(1'500);
    error.ref = "abc";
    const Error same = kept(std::unexpected(error), 10 * kMost).error();
    EXPECT_EQ(same.code, error.code);
    EXPECT_EQ(same.message, error.message);
    EXPECT_EQ(same.details, error.details);
    EXPECT_EQ(same.retry_after, error.retry_after);
    EXPECT_EQ(same.ref, error.ref);
}

TEST(StoredOutcome, SaysThatASuccessWasTooLargeToBeKept) {
    const std::string largest = '"' + std::string(kMost - 2, 'x') + '"';
    EXPECT_EQ(kept(JsonText::trusted(largest))->str(), largest);
    const ActionResult over = JsonText::trusted('"' + std::string(kMost - 1, 'x') + '"');
    EXPECT_EQ(stored_outcome(over, kMost).state, ExecutionState::kSucceeded);
    EXPECT_TRUE(kept(over).error().is(ErrorCode::kPayloadTooLarge));
}

TEST(StoredOutcome, KeepsAFailureWithoutDetailsThatAreTooLarge) {
    Error error = Error::of(ErrorCode::kValidationFailed, "bad");
    error.details = '[' + std::string(kMost, ' ') + ']';
    const Error same = kept(std::unexpected(error)).error();
    EXPECT_EQ(same.code, error.code);
    EXPECT_EQ(same.details, "");
}

TEST(StoredOutcome, DoesNotKnowHowWhatWasBegunOnlyEnded) {
    for (const ExecutionState state : {ExecutionState::kLeased, ExecutionState::kUnknown}) {
        ExecutionRecord record;
        record.state = state;
        EXPECT_TRUE(replayed_outcome(record).error().is(ErrorCode::kOutcomeUnknown));
    }
}

}  // namespace
}  // namespace signalbox::actions
