#pragma once

#include "engineio/testing.h"

/// What the tests of this layer share, beside the fakes of Engine.IO's ports.
namespace signalbox::api::testing {

using engineio::testing::exchange;
using engineio::testing::ExchangeRecord;
using engineio::testing::FakeExchange;
using engineio::testing::header_of;
using engineio::testing::request_of;

}  // namespace signalbox::api::testing
