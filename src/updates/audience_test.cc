#include "updates/audience.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "updates/company_positions.h"

namespace signalbox::updates {
namespace {

using testing::ElementsAre;

CompanyId company(const char* text) {
    return CompanyId::trusted(text);
}

TEST(Rooms, AreNamedByKindCompanyAndId) {
    EXPECT_EQ(company_room(company("c1")), "company:c1");
    EXPECT_EQ(artifact_room(company("c1"), ArtifactId::trusted("a1")), "artifact:c1:a1");
    EXPECT_EQ(user_room(company("c1"), UserId::trusted("ada@x.org|7")), "user:c1:ada@x.org|7");
    EXPECT_EQ(session_room(company("c1"), SessionId::trusted("s1")), "session:c1:s1");
    EXPECT_EQ(connection_room(ConnectionId::trusted("x_Y-1")), "x_Y-1");
    EXPECT_EQ(connection_room(ConnectionId::trusted("company:c1")), "company%3Ac1");
}

TEST(Rooms, NeverMeetForIdsThatAreJoinedAlike) {
    EXPECT_NE(artifact_room(company("a"), ArtifactId::trusted("b:c")),
              artifact_room(company("a:b"), ArtifactId::trusted("c")));
    EXPECT_NE(artifact_room(company("a"), ArtifactId::trusted("b%3Ac")),
              artifact_room(company("a"), ArtifactId::trusted("b:c")));
    EXPECT_EQ(artifact_room(company("a:b"), ArtifactId::trusted("é")), "artifact:a%3Ab:%C3%A9");
    EXPECT_EQ(company_room(company("c1:x")), "company:c1%3Ax");
}

TEST(Selection, NamesTheRoomsOfAllItsLists) {
    Selection selection;
    EXPECT_TRUE(selection.empty());
    selection.users = {UserId::trusted("u")};
    selection.sessions = {SessionId::trusted("s")};
    selection.connections = {ConnectionId::trusted("k")};
    selection.artifacts = {ArtifactId::trusted("a")};
    EXPECT_FALSE(selection.empty());
    EXPECT_THAT(selection.rooms(company("c")),
                ElementsAre("user:c:u", "session:c:s", "k", "artifact:c:a"));
}

TEST(CompanyPositions, CountEachCompanyByItself) {
    CompanyPositions positions("e");
    EXPECT_EQ(positions.next(company("a")), 1U);
    EXPECT_EQ(positions.next(company("b")), 1U);
    EXPECT_EQ(positions.next(company("a")), 2U);
}

TEST(CompanyPositions, NeverRepeatAfterForgetting) {
    CompanyPositions positions("e", 2);
    EXPECT_EQ(positions.next(company("a")), 1U);
    EXPECT_EQ(positions.next(company("b")), 1U);
    EXPECT_EQ(positions.next(company("b")), 2U);
    EXPECT_EQ(positions.next(company("c")), 3U);
    EXPECT_EQ(positions.next(company("b")), 3U);
    EXPECT_EQ(positions.next(company("a")), 4U) << "forgotten a second time, above all before";
}

}  // namespace
}  // namespace signalbox::updates
