#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include <string>
#include <string_view>

#include "runtime/unique_fd.h"

namespace signalbox::app {

struct TestRequest {
    std::string_view method;
    std::string target;
    std::string body = {};
    std::string headers = {};  ///< whole lines
};

/// One blocking HTTP request to this machine, on a connection of its own. @return everything that
/// came.
inline std::string http(std::uint16_t port, const TestRequest& request) {
    const runtime::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return {};
    const std::string text = std::string(request.method) + ' ' + request.target +
                             " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n" + request.headers +
                             "Content-Length: " + std::to_string(request.body.size()) + "\r\n\r\n" +
                             request.body;
    if (::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) return {};
    std::string answer;
    char part[4096];
    for (ssize_t n = 0; (n = ::recv(fd.get(), part, sizeof(part), 0)) > 0;) {
        answer.append(part, static_cast<std::size_t>(n));
    }
    return answer;
}

}  // namespace signalbox::app
