#include "app/descriptors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace signalbox::app {
namespace {

TEST(Descriptors, RaisesTheSoftLimitToTheHardOne) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit low = before;
    low.rlim_cur = 200;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    EXPECT_EQ(descriptor_limit(), 200U);
    raise_descriptor_limit();
    EXPECT_EQ(descriptor_limit(), before.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST(Descriptors, KeepsSomeForWhatIsNoConnection) {
    EXPECT_EQ(connections_within(1'048'576, 2), 1'048'576U - 80);
    EXPECT_EQ(connections_within(1'024, 1), 952U);
    EXPECT_EQ(connections_within(60, 1), 30U);
    EXPECT_EQ(connections_within(0, 1), 1U);
}

}  // namespace
}  // namespace signalbox::app
