#include "app/control_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "app/control_address.h"
#include "base/check.h"

namespace signalbox::app {
namespace {

/// Line breaks in JSON are white space.
std::string one_line(std::string json) {
    std::ranges::replace(json, '\n', ' ');
    return json;
}

struct Request {
    std::string command;
    JsonText arguments;
};

/// nullopt unless `line` has the shape of a request.
std::optional<Request> parse_request(JsonParser& parser, std::string_view line) {
    const auto root = parser.parse(line);
    if (!root || !root->is_object()) return std::nullopt;
    Request request{"", JsonText::trusted("{}")};
    const bool known = for_each_raw_member(line, [&](std::string_view key, std::string_view value) {
        if (key == "command" && value.starts_with('"') && request.command.empty()) {
            request.command = unescape_json(value.substr(1, value.size() - 2));
            return true;
        }
        if (key != "arguments" || !value.starts_with('{')) return false;
        request.arguments = JsonText::trusted(std::string(value));
        return true;
    });
    if (!known || request.command.empty()) return std::nullopt;
    return request;
}

/// Where answers wait for the control socket's thread. Outlives it for late ones.
class AnswerBox {
public:
    struct Answer {
        std::uint64_t client;
        std::string line;
    };

    AnswerBox() : event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { SB_CHECK(event_); }

    void put(std::uint64_t client, std::string line) {
        const std::scoped_lock lock(mutex_);
        answers_.push_back({client, std::move(line)});
        wake();
    }

    void stop() {
        const std::scoped_lock lock(mutex_);
        stopped_ = true;
        wake();
    }

    /// @return nullopt when stopped.
    std::optional<std::vector<Answer>> take() {
        std::uint64_t count = 0;
        (void)!read(event_.get(), &count, sizeof count);
        const std::scoped_lock lock(mutex_);
        if (stopped_) return std::nullopt;
        return std::exchange(answers_, {});
    }

    [[nodiscard]] int event() const { return event_.get(); }

private:
    void wake() {
        const std::uint64_t one = 1;
        (void)!write(event_.get(), &one, sizeof one);
    }

    runtime::UniqueFd event_;
    std::mutex mutex_;
    std::vector<Answer> answers_;
    bool stopped_ = false;
};

struct Client {
    enum class State : std::uint8_t { kReading, kWaiting, kWriting, kDone };

    std::uint64_t id;
    runtime::UniqueFd fd;
    MonotonicTime deadline;
    State state = State::kReading;
    bool last_answer = false;  ///< close when what is being written has gone
    std::string in{};
    std::string out{};
};

}  // namespace

std::string control_path(const std::string& data_dir) {
    return data_dir + "/control.sock";
}

std::string control_ok(std::string_view json) {
    return fmt::format(R"({{"ok":{}}})", json);
}

std::string control_error(std::string_view code, std::string_view message) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("error").begin_object();
    json.member("code", code).member("message", message).end_object().end_object();
    return out;
}

std::string control_request(std::string_view command, const JsonText& arguments) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().member("command", command);
    json.raw_member("arguments", arguments.str()).end_object();
    return one_line(std::move(out));
}

class ControlServer::Loop {
public:
    Loop(std::string path, runtime::UniqueFd listener, ControlHandler& handler,
         ControlOptions options)
        : path_(std::move(path)),
          listener_(std::move(listener)),
          handler_(handler),
          options_(options),
          thread_([this] { run(); }) {}

    ~Loop() {
        box_->stop();
        thread_.join();
        unlink(path_.c_str());
    }

private:
    void run() {
        while (true) {
            std::vector<pollfd> fds = wanted_events();
            poll(fds.data(), fds.size(), wait_milliseconds());
            const auto answers = box_->take();
            if (!answers) return;
            for (const AnswerBox::Answer& answer : *answers) accept_answer(answer);
            // Clients stand in the order of their pollfds until accept_clients() and sweep().
            for (std::size_t i = 2; i < fds.size(); ++i) serve(clients_[i - 2], fds[i].revents);
            if (fds[1].revents != 0) accept_clients();
            sweep();
        }
    }

    std::vector<pollfd> wanted_events() const {
        std::vector<pollfd> fds{{box_->event(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
        for (const Client& client : clients_) {
            short events = 0;
            if (client.state == Client::State::kReading) events = POLLIN;
            if (client.state == Client::State::kWriting) events = POLLOUT;
            fds.push_back({client.fd.get(), events, 0});
        }
        return fds;
    }

    int wait_milliseconds() const {
        if (clients_.empty()) return -1;
        const auto next = std::ranges::min_element(clients_, {}, &Client::deadline)->deadline;
        const auto left = std::chrono::ceil<Milliseconds>(next - std::chrono::steady_clock::now());
        return static_cast<int>(std::max<std::int64_t>(0, left.count()));
    }

    void accept_clients() {
        while (true) {
            runtime::UniqueFd fd(
                accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (!fd) return;
            if (clients_.size() >= options_.clients_max) continue;
            clients_.push_back({++last_id_, std::move(fd), deadline_in(options_.idle_timeout)});
        }
    }

    void serve(Client& client, short events) {
        if (client.state == Client::State::kReading && (events & (POLLIN | POLLHUP)) != 0) {
            read_some(client);
        } else if (client.state == Client::State::kWriting && (events & POLLOUT) != 0) {
            write_some(client);
        } else if ((events & (POLLHUP | POLLERR)) != 0) {
            client.state = Client::State::kDone;
        }
    }

    void read_some(Client& client) {
        std::array<char, 65536> buffer{};
        const ssize_t got = read(client.fd.get(), buffer.data(), buffer.size());
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) {
            client.state = Client::State::kDone;
            return;
        }
        client.in.append(buffer.data(), static_cast<std::size_t>(got));
        start_request(client);
    }

    void refuse(Client& client, std::string_view code, std::string_view message) {
        client.last_answer = true;
        answer(client, control_error(code, message));
    }

    /// Begins what the input asks for when it is a whole line.
    void start_request(Client& client) {
        if (client.in.size() > options_.line_bytes_max) {
            return refuse(client, "PAYLOAD_TOO_LARGE", "the request is too long");
        }
        const std::size_t end = client.in.find('\n');
        if (end == std::string::npos) return;
        auto request = parse_request(parser_, std::string_view(client.in).substr(0, end));
        const bool alone = end + 1 == client.in.size();
        client.in.clear();
        if (!request || !alone) {
            return refuse(client, "INVALID_MESSAGE",
                          "a request is {\"command\", \"arguments\"?} on one line");
        }
        client.state = Client::State::kWaiting;
        client.deadline = deadline_in(options_.answer_timeout);
        handler_.handle(
            std::move(request->command), std::move(request->arguments),
            [box = box_, id = client.id](std::string text) { box->put(id, std::move(text)); });
    }

    void accept_answer(const AnswerBox::Answer& given) {
        const auto client = std::ranges::find(clients_, given.client, &Client::id);
        if (client == clients_.end() || client->state != Client::State::kWaiting) return;
        answer(*client, given.line);
    }

    void answer(Client& client, std::string line) {
        client.out = one_line(std::move(line)) + "\n";
        client.state = Client::State::kWriting;
        client.deadline = deadline_in(options_.idle_timeout);
        write_some(client);
    }

    void write_some(Client& client) {
        const ssize_t sent =
            send(client.fd.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (sent < 0) {
            client.state = Client::State::kDone;
            return;
        }
        client.out.erase(0, static_cast<std::size_t>(sent));
        if (!client.out.empty()) return;
        client.state = client.last_answer ? Client::State::kDone : Client::State::kReading;
    }

    /// Ends what has run out of time, forgets what has ended.
    void sweep() {
        const MonotonicTime now = std::chrono::steady_clock::now();
        for (Client& client : clients_) {
            if (client.deadline > now) continue;
            if (client.state == Client::State::kWaiting) {
                refuse(client, "TIMEOUT", "the server did not answer in time");
            } else {
                client.state = Client::State::kDone;
            }
        }
        std::erase_if(clients_, [](const Client& c) { return c.state == Client::State::kDone; });
    }

    static MonotonicTime deadline_in(Milliseconds time) {
        return std::chrono::steady_clock::now() + time;
    }

    std::string path_;
    runtime::UniqueFd listener_;
    ControlHandler& handler_;
    ControlOptions options_;
    std::shared_ptr<AnswerBox> box_ = std::make_shared<AnswerBox>();
    JsonParser parser_;
    std::vector<Client> clients_;
    std::uint64_t last_id_ = 0;
    std::thread thread_;
};

std::expected<std::unique_ptr<ControlServer>, std::string> ControlServer::create(
    const std::string& path, ControlHandler& handler, ControlOptions options) {
    const auto failed = [&](int error) {
        return std::unexpected(fmt::format("cannot listen on {}: {}", path, std::strerror(error)));
    };
    const auto address = UnixAddress::of(path);
    if (!address) return failed(address.error());
    runtime::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return failed(errno);
    unlink(path.c_str());
    // Linux gives the file the mode that the socket has when it is bound: no moment with another.
    if (fchmod(fd.get(), S_IRUSR | S_IWUSR) != 0 ||
        bind(fd.get(), address->get(), address->size()) != 0 || listen(fd.get(), 16) != 0) {
        return failed(errno);
    }
    auto loop = std::make_unique<Loop>(path, std::move(fd), handler, options);
    return std::unique_ptr<ControlServer>(new ControlServer(std::move(loop)));
}

ControlServer::ControlServer(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
ControlServer::~ControlServer() = default;

}  // namespace signalbox::app
