// The cases of the Autobahn test suite, groups 1 to 7, as bytes: behaviour "strict". What Autobahn
// judges on the connection (pong sent, close sent) is judged here on the events.
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "websocket/frame_decoder.h"
#include "websocket/testing.h"

namespace signalbox::websocket {
namespace {

using testing::client_close;
using testing::client_frame;
using testing::client_header;
using testing::Fin;

/// Events in a short notation: T and B messages, P ping, O pong, C close, each with its payload (up
/// to 8 bytes), then `!` and the close code of an error.
std::string transcript(const std::vector<std::string>& chunks) {
    FrameDecoder decoder(16U << 20);
    std::string out;
    for (std::string chunk : chunks) {
        std::span<char> input(chunk);
        while (true) {
            const auto event = decoder.next(input);
            if (!event)
                return out + "!" + std::to_string(static_cast<int>(close_code_of(event.error())));
            if (event->kind == FrameEvent::Kind::kNeedMore) break;
            out += " TBPOC"[static_cast<int>(event->kind)];
            out += event->payload.size() > 8 ? std::to_string(event->payload.size())
                                             : std::string(event->payload);
            out += ' ';
        }
    }
    return out;
}

std::vector<std::string> bytewise(const std::string& bytes) {
    std::vector<std::string> chunks;
    for (const char byte : bytes) chunks.emplace_back(1, byte);
    return chunks;
}

std::string t(std::string_view payload, Fin fin = Fin::kFinal) {
    return client_frame(Opcode::kText, payload, fin);
}
std::string c(std::string_view payload, Fin fin = Fin::kFinal) {
    return client_frame(Opcode::kContinuation, payload, fin);
}
std::string ping(std::string_view payload) {
    return client_frame(Opcode::kPing, payload);
}
std::string pong(std::string_view payload) {
    return client_frame(Opcode::kPong, payload);
}

/// A frame of a raw first byte.
std::string raw(unsigned first, std::string_view payload) {
    return client_header(first, payload.size()) + testing::masked(payload);
}

struct Case {
    const char* number;
    std::string bytes;
    std::string expected;
};

void run(const std::vector<Case>& cases) {
    for (const auto& [number, bytes, expected] : cases) {
        EXPECT_EQ(transcript({bytes}), expected) << "case " << number << ", whole";
        EXPECT_EQ(transcript(bytewise(bytes)), expected) << "case " << number << ", byte by byte";
    }
}

TEST(Autobahn, Group1Framing) {
    const std::size_t sizes[] = {0, 125, 126, 127, 128, 65535, 65536};
    for (std::size_t i = 0; i < std::size(sizes); ++i) {
        const std::string payload(sizes[i], '*');
        const std::string shown = sizes[i] == 0 ? "" : std::to_string(sizes[i]);
        const std::string as_text = t(payload);
        const std::string as_binary = client_frame(Opcode::kBinary, payload);
        EXPECT_EQ(transcript({as_text}), "T" + shown + " ") << "1.1." << i + 1;
        EXPECT_EQ(transcript({as_binary}), "B" + shown + " ") << "1.2." << i + 1;
        std::vector<std::string> chunks;  // 1.1.8 and 1.2.8: in chops of 997
        for (std::size_t at = 0; at < as_text.size(); at += 997) {
            chunks.push_back(as_text.substr(at, 997));
        }
        EXPECT_EQ(transcript(chunks), "T" + shown + " ") << "1.1.8";
    }
}

TEST(Autobahn, Group2PingsAndPongs) {
    const std::string binary = "\x00\xff\xfe\xfd\xfc\xfb\x00\xff";
    std::string ten;
    std::string ten_expected;
    for (int i = 0; i < 10; ++i) {
        ten += ping("p" + std::to_string(i));
        ten_expected += "Pp" + std::to_string(i) + " ";
    }
    run({{"2.1", ping(""), "P "},
         {"2.2", ping("Hello"), "PHello "},
         {"2.3", ping(binary), "P" + binary + " "},
         {"2.4", ping(std::string(125, '\xFE')), "P125 "},
         {"2.5", raw(0x89, std::string(126, '\xFE')), "!1002"},
         {"2.7", pong(""), "O "},
         {"2.8", pong("unasked"), "Ounasked "},
         {"2.9", pong("unasked") + ping("real"), "Ounasked Preal "},
         {"2.10", ten, ten_expected}});
}

TEST(Autobahn, Group3ReservedBits) {
    run({{"3.1", raw(0x81 | 0x10, "x"), "!1002"},
         {"3.2", t("Hello") + raw(0x81 | 0x20, "x") + ping(""), "THello !1002"},
         {"3.3", t("Hello") + raw(0x81 | 0x30, "x") + ping(""), "THello !1002"},
         {"3.4", t("Hello") + raw(0x81 | 0x40, "x") + ping(""), "THello !1002"},
         {"3.5", raw(0x82 | 0x50, "x"), "!1002"},
         {"3.6", raw(0x89 | 0x60, "x"), "!1002"},
         {"3.7", raw(0x88 | 0x70, ""), "!1002"}});
}

TEST(Autobahn, Group4ReservedOpcodes) {
    for (unsigned opcode : {3U, 4U, 5U, 6U, 7U, 11U, 12U, 13U, 14U, 15U}) {
        const std::string number = "4.x opcode " + std::to_string(opcode);
        run({{number.c_str(), raw(0x80 | opcode, ""), "!1002"},
             {number.c_str(), raw(0x80 | opcode, "payload"), "!1002"},
             {number.c_str(), t("Hello") + raw(0x80 | opcode, "x") + ping(""), "THello !1002"}});
    }
}

TEST(Autobahn, Group5Fragmentation) {
    const auto more = Fin::kMore;
    run({{"5.1", raw(0x09, "a") + c("b"), "!1002"},
         {"5.2", raw(0x0A, "a") + c("b"), "!1002"},
         {"5.3", t("frag1", more) + c("2"), "Tfrag12 "},
         {"5.6", t("frag1", more) + ping("ping") + c("2"), "Pping Tfrag12 "},
         {"5.9", c("non-cont") + t("Hello"), "!1002"},
         {"5.10", c("non-cont") + t("Hello"), "!1002"},
         {"5.12", c("non-cont", more) + t("Hello"), "!1002"},
         {"5.15", t("a", more) + c("b") + c("c", more) + t("d"), "Tab !1002"},
         {"5.16", c("a", more) + t("b", more) + c("c"), "!1002"},
         {"5.17", c("a") + t("b", more) + c("c"), "!1002"},
         {"5.18", t("a", more) + t("b"), "!1002"},
         {"5.19",
          t("a", more) + c("b", more) + ping("1") + c("c", more) + c("d", more) + ping("2") +
              c("e"),
          "P1 P2 Tabcde "}});
}

TEST(Autobahn, Group6Utf8) {
    const std::string kosme = "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5";
    const std::string bad = kosme + "\xED\xA0\x80" + "edited";
    const auto more = Fin::kMore;
    std::string letter_by_letter = t(kosme.substr(0, 1), more);
    for (std::size_t i = 1; i < kosme.size(); ++i) letter_by_letter += c(kosme.substr(i, 1), more);
    letter_by_letter += c("");
    run({{"6.1.1", t(""), "T "},
         {"6.1.2", t("", more) + c("", more) + c(""), "T "},
         {"6.1.3", t("", more) + c("mid", more) + c(""), "Tmid "},
         {"6.2.1", t("Hello-\xC2\xB5@\xC3\x9F\xC3\xB6\xC3\xA4\xC3\xBC"), "T17 "},
         {"6.2.2", t("Hello-\xC2\xB5@\xC3", more) + c("\x9F\xC3\xB6"), "T13 "},
         {"6.2.3", letter_by_letter, "T11 "},
         {"6.3.1", t(bad), "!1007"},
         {"6.4.1", t(kosme, more) + c("\xF4\x90\x80\x80", more), "!1007"},
         {"6.4.2", t(kosme + "\xF4", more) + c("\x90", more), "!1007"},
         {"6.4.3", client_header(0x81, 100) + testing::masked(kosme + "\xF4\x90"), "!1007"}});
}

TEST(Autobahn, Group6AcceptedAndRefusedSequences) {
    const char* accepted[] = {"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5",  // 6.5.5
                              "\x7F",
                              "\xC2\x80",
                              "\xDF\xBF",
                              "\xE0\xA0\x80",
                              "\xEF\xBF\xBF",
                              "\xF0\x90\x80\x80",
                              "\xF4\x8F\xBF\xBF",
                              "\xED\x9F\xBF",
                              "\xEE\x80\x80",
                              "\xEF\xBF\xBD",
                              "\xEF\xBF\xBE",
                              "\xF0\x9F\xBF\xBE",
                              "\xF4\x8F\xBF\xBE"};  // 6.7, 6.9, 6.22, 6.23
    for (const char* text : accepted) EXPECT_EQ(transcript({t(text)}).find('!'), std::string::npos);
    const char* refused[] = {"\xCE",
                             "\xCE\xBA\xE1",
                             "\xCE\xBA\xE1\xBD",  // 6.6
                             "\xF8\x88\x80\x80\x80",
                             "\xFC\x84\x80\x80\x80\x80",  // 6.8
                             "\xF7\xBF\xBF\xBF",
                             "\xFB\xBF\xBF\xBF\xBF",
                             "\xF4\x90\x80\x80",  // 6.10, 6.11
                             "\x80",
                             "\xBF",
                             "\x80\xBF\x80",  // 6.12
                             "\xC0 \xC1 ",
                             "\xE0 \xE1 ",
                             "\xF0 \xF1 ",
                             "\xF8 ",
                             "\xFC ",  // 6.13
                             "\xC0",
                             "\xE0\x80",
                             "\xF0\x80\x80",
                             "\xDF",
                             "\xEF\xBF",
                             "\xF7\xBF\xBF",  // 6.14, 6.15
                             "\xFE",
                             "\xFF",
                             "\xFE\xFE\xFF\xFF",  // 6.16
                             "\xC0\xAF",
                             "\xE0\x80\xAF",
                             "\xF0\x80\x80\xAF",  // 6.17
                             "\xC1\xBF",
                             "\xE0\x9F\xBF",
                             "\xF0\x8F\xBF\xBF",  // 6.18
                             "\xE0\x80\x80",
                             "\xF0\x80\x80\x80",  // 6.19
                             "\xED\xA0\x80",
                             "\xED\xAD\xBF",
                             "\xED\xAE\x80",
                             "\xED\xBF\xBF",  // 6.20
                             "\xED\xA0\x80\xED\xB0\x80",
                             "\xED\xAF\xBF\xED\xBF\xBF"};  // 6.21
    for (const char* text : refused) {
        EXPECT_EQ(transcript({t(text)}), "!1007") << ::testing::PrintToString(std::string(text));
        EXPECT_EQ(transcript(bytewise(t(text))), "!1007");
    }
}

TEST(Autobahn, Group7Closing) {
    const auto more = Fin::kMore;
    run({{"7.1.1", t("Hello") + client_close(1000), "THello C "},
         {"7.1.2", client_close(1000) + client_close(1000), "C "},
         {"7.1.3", client_close(1000) + ping("late"), "C "},
         {"7.1.4", client_close(1000) + t("late"), "C "},
         {"7.1.5", t("a", more) + client_close(1000) + c("b"), "C "},
         {"7.3.1", client_frame(Opcode::kClose, ""), "C "},
         {"7.3.2", client_frame(Opcode::kClose, "a"), "!1002"},
         {"7.3.3", client_close(1000), "C "},
         {"7.3.4", client_close(1000, "Hello"), "CHello "},
         {"7.3.5", client_close(1000, std::string(123, '*')), "C123 "},
         {"7.3.6", raw(0x88, "\x03\xE8" + std::string(124, '*')), "!1002"},
         {"7.5.1", client_close(1000, "\xCE\xBA\xED\xA0\x80"), "!1007"}});
}

TEST(Autobahn, Group7CloseCodes) {
    for (unsigned code : {1000U, 1001U, 1002U, 1003U, 1007U, 1008U, 1009U, 1010U, 1011U, 3000U,
                          3999U, 4000U, 4999U}) {  // 7.7
        EXPECT_EQ(transcript({client_close(code)}), "C ") << code;
    }
    for (unsigned code : {0U, 999U, 1004U, 1005U, 1006U, 1015U, 1016U, 1100U, 2000U, 2999U, 5000U,
                          65535U}) {  // 7.9 and 7.13
        EXPECT_EQ(transcript({client_close(code)}), "!1002") << code;
    }
}

}  // namespace
}  // namespace signalbox::websocket
