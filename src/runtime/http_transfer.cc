#include "runtime/http_transfer.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"

namespace signalbox::runtime {
namespace {

using enum HttpClientFault;

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
    SB_CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

/// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
    constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [&](unsigned char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               kMarks.contains(static_cast<char>(c));
    });
}

/// No control characters but tabs: nothing that could begin another header line.
bool is_field_value(std::string_view text) {
    return std::ranges::all_of(
        text, [](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); });
}

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
    std::string out(text);
    curl_free(text);
    return out;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n";
    const std::size_t first = text.find_first_not_of(kSpace);
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

HttpClientFault fault_of(CURLcode result) {
    switch (result) {
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_CONNECT:
            return kUnreachable;
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS:
            return kTls;
        case CURLE_OPERATION_TIMEDOUT:
            return kTimeout;
        case CURLE_FILESIZE_EXCEEDED:
            return kTooLarge;
        default:
            return kBroken;
    }
}

bool carries_body(const HttpClientRequest& request) {
    return !request.body.empty() || request.method == "POST" || request.method == "PUT" ||
           request.method == "PATCH";
}

}  // namespace

HttpTransfer::HttpTransfer(HttpClientRequest request, Executor& answer_on, HttpRecipient recipient)
    : request_(std::move(request)),
      executor_(answer_on),
      deadline_(SystemClock().monotonic_now() + request_.timeout),
      streaming_(recipient.sink != nullptr),
      recipient_(std::move(recipient)) {}

std::optional<HttpClientFailure> HttpTransfer::check() {
    url_.reset(curl_url());
    const CURLUcode parsed =
        curl_url_set(url_.get(), CURLUPART_URL, request_.url.c_str(), CURLU_DISALLOW_USER);
    if (parsed != CURLUE_OK || request_.url.contains('\0'))
        return HttpClientFailure{kInvalidRequest, "the URL cannot be used"};
    const std::string scheme = part_of(url_.get(), CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https")
        return HttpClientFailure{kInvalidRequest, "the URL is neither http nor https"};
    origin_ = scheme + "://" + part_of(url_.get(), CURLUPART_HOST) + ':' +
              part_of(url_.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
    if (!is_token(request_.method))
        return HttpClientFailure{kInvalidRequest, "the method is no method"};
    for (const auto& [name, value] : request_.headers) {
        if (!is_token(name) || !is_field_value(value))
            return HttpClientFailure{kInvalidRequest, "a header cannot be sent"};
    }
    return std::nullopt;
}

void HttpTransfer::fail(HttpClientFailure failure) {
    executor_.post([self = shared_from_this(), failure = std::move(failure)]() mutable {
        HttpRecipient to = self->take_recipient();
        if (to.done) to.done(std::unexpected(std::move(failure)));
        if (to.sink) to.sink->on_end(std::unexpected(std::move(failure)));
    });
}

bool HttpTransfer::forget_recipient() {
    const HttpRecipient unheard = std::exchange(recipient_, {});
    return !std::exchange(ended_, true);
}

HttpRecipient HttpTransfer::take_recipient() {
    ended_ = true;
    return std::exchange(recipient_, {});
}

/// A sink may cancel the call, and so end itself, inside what it is told.
template <class Tell>
void HttpTransfer::tell_sink(Tell tell) {
    auto sink = std::move(recipient_.sink);
    if (sink != nullptr) tell(*sink);
    if (!ended_) recipient_.sink = std::move(sink);
}

CURL* HttpTransfer::start(const HttpClientOptions& options) {
    easy_.reset(curl_easy_init());
    SB_CHECK(easy_ != nullptr);
    header_bytes_max_ = options.header_bytes_max;
    ahead_max_ = options.stream_ahead_bytes_max;
    set_security(options);
    set_request();
    set_headers();
    set_callbacks();
    const auto left = std::chrono::ceil<Milliseconds>(deadline_ - SystemClock().monotonic_now());
    const auto total = std::max(left, Milliseconds(1));
    connect_timeout_is_shorter_ = options.connect_timeout < total;
    const auto connect = std::min(options.connect_timeout, total);
    set(easy_.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(total.count()));
    set(easy_.get(), CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect.count()));
    set(easy_.get(), CURLOPT_MAXAGE_CONN, static_cast<long>(options.idle_max.count()));
    return easy_.get();
}

std::shared_ptr<HttpTransfer> HttpTransfer::of(CURL* handle) {
    HttpTransfer* transfer = nullptr;
    SB_CHECK(curl_easy_getinfo(handle, CURLINFO_PRIVATE, &transfer) == CURLE_OK);
    return transfer->shared_from_this();
}

void HttpTransfer::set_security(const HttpClientOptions& options) {
    CURL* easy = easy_.get();
    set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!options.ca_file.empty()) {
        set(easy, CURLOPT_CAINFO, options.ca_file.c_str());
        set(easy, CURLOPT_CAPATH, static_cast<char*>(nullptr));
    }
    constexpr long kAuthoritiesKeptSeconds = 300;
    set(easy, CURLOPT_CA_CACHE_TIMEOUT, kAuthoritiesKeptSeconds);
    set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    set(easy, CURLOPT_FOLLOWLOCATION, 0L);
    set(easy, CURLOPT_PROXY, "");  // nor one of the environment
    set(easy, CURLOPT_NOSIGNAL, 1L);
    set(easy, CURLOPT_QUICK_EXIT, 1L);  // a slow name server must not hold up all others
}

void HttpTransfer::set_request() {
    CURL* easy = easy_.get();
    set(easy, CURLOPT_CURLU, url_.get());
    // A stream that is held back must hold back nobody else, as it would one of HTTP/2.
    set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(easy, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(request_.response_bytes_max));
    if (request_.method == "HEAD") {
        set(easy, CURLOPT_NOBODY, 1L);
        set(easy, CURLOPT_MAXFILESIZE_LARGE, curl_off_t{0});
        return;
    }
    if (carries_body(request_)) {
        set(easy, CURLOPT_POSTFIELDS, request_.body.data());
        set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    }
    set(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

void HttpTransfer::set_headers() {
    const auto append = [this](const std::string& line) {
        curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
        SB_CHECK(longer != nullptr);
        (void)headers_.release();
        headers_.reset(longer);
    };
    append("Expect:");  // or libcurl waits a second for 100 Continue
    if (!request_.headers.find("Accept")) append("Accept: */*");
    if (!request_.headers.find("Content-Type")) append("Content-Type:");
    if (!request_.headers.find("User-Agent")) append("User-Agent: signalbox");
    // libcurl sends a header without a value when it ends in a semicolon.
    for (const auto& [name, value] : request_.headers)
        append(value.empty() ? name + ';' : name + ": " + value);
    set(easy_.get(), CURLOPT_HTTPHEADER, headers_.get());
}

void HttpTransfer::set_callbacks() {
    CURL* easy = easy_.get();
    set(easy, CURLOPT_PRIVATE, this);
    set(easy, CURLOPT_ERRORBUFFER, error_.data());
    set(easy, CURLOPT_HEADERFUNCTION, &header_arrived);
    set(easy, CURLOPT_HEADERDATA, this);
    set(easy, CURLOPT_WRITEFUNCTION, &body_arrived);
    set(easy, CURLOPT_WRITEDATA, this);
    set(easy, CURLOPT_PREREQFUNCTION, &about_to_send);
    set(easy, CURLOPT_PREREQDATA, this);
}

/// libcurl comes here again when it is about to repeat the request on a fresh connection.
int HttpTransfer::about_to_send(void* self, char*, char*, int, int) {
    auto& transfer = *static_cast<HttpTransfer*>(self);
    const bool again = transfer.sendings_++ > 0;
    return again && transfer.request_.resend == Resend::kNever ? CURL_PREREQFUNC_ABORT
                                                               : CURL_PREREQFUNC_OK;
}

std::size_t HttpTransfer::header_arrived(char* data, std::size_t, std::size_t size, void* self) {
    const bool taken = static_cast<HttpTransfer*>(self)->take_header_line({data, size});
    return taken ? size : 0;
}

bool HttpTransfer::take_header_line(std::string_view line) {
    header_bytes_ += line.size();
    too_large_ = header_bytes_ > header_bytes_max_;
    if (too_large_) return false;
    if (head_ == Head::kComplete) return true;  // a trailer: nobody needs it
    const std::string_view content = trimmed(line);
    const std::size_t colon = content.find(':');
    if (content.starts_with("HTTP/")) {
        begin_head(content);
    } else if (content.empty()) {
        complete_head();
    } else if (colon != content.npos) {
        response_.headers.add(std::string(trimmed(content.substr(0, colon))),
                              std::string(trimmed(content.substr(colon + 1))));
    }
    return true;
}

void HttpTransfer::begin_head(std::string_view status_line) {
    response_ = {};
    response_.status = 0;
    const std::string_view code =
        status_line.substr(std::min(status_line.find(' ') + 1, status_line.size()));
    std::from_chars(code.data(), code.data() + std::min<std::size_t>(3, code.size()),
                    response_.status);
}

void HttpTransfer::complete_head() {
    constexpr int kFirstFinalStatus = 200;
    if (response_.status < kFirstFinalStatus) return;
    head_ = Head::kComplete;
    if (!streaming_) return;
    executor_.post([self = shared_from_this(), head = std::move(response_)]() mutable {
        self->tell_sink([&](HttpResponseSink& sink) { sink.on_head(std::move(head)); });
    });
}

std::size_t HttpTransfer::body_arrived(char* data, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<HttpTransfer*>(self);
    if (transfer.streaming_ && transfer.held_back()) return CURL_WRITEFUNC_PAUSE;
    transfer.received_ += size;
    transfer.too_large_ = transfer.received_ > transfer.request_.response_bytes_max;
    if (transfer.too_large_) return 0;
    if (transfer.streaming_) {
        transfer.post_part({data, size});
    } else {
        transfer.response_.body.append(data, size);
    }
    return size;
}

/// Either we see what was consumed meanwhile, or consumed() sees that we pause.
bool HttpTransfer::held_back() {
    if (ahead_ < ahead_max_) return false;
    paused_ = true;
    const bool room = ahead_ <= ahead_max_ / 2;
    return !(room && paused_.exchange(false));
}

void HttpTransfer::post_part(std::string_view part) {
    ahead_ += part.size();
    executor_.post([self = shared_from_this(), part = std::string(part)] {
        self->tell_sink([&](HttpResponseSink& sink) { sink.on_part(part); });
        self->consumed(part.size());
    });
}

void HttpTransfer::consumed(std::size_t size) {
    const std::size_t left = ahead_ -= size;
    if (left <= ahead_max_ / 2 && paused_.exchange(false)) on_resumable();
}

CURLcode HttpTransfer::resume() const {
    return easy_ == nullptr ? CURLE_OK : curl_easy_pause(easy_.get(), CURLPAUSE_CONT);
}

HttpClientFailure HttpTransfer::failure_of(CURLcode result) const {
    if (too_large_) return {kTooLarge, "the answer is too large"};
    if (result == CURLE_OPERATION_TIMEDOUT && sendings_ == 0 && connect_timeout_is_shorter_)
        return {kUnreachable, "no connection in time"};
    const std::string_view told(error_.data());
    HttpClientFault fault = fault_of(result);
    // The fresh connection to repeat it on could not be made; the first may have been acted on.
    if (sendings_ > 0 && (fault == kUnreachable || fault == kTls)) fault = kBroken;
    return {fault, std::string(told.empty() ? curl_easy_strerror(result) : told)};
}

void HttpTransfer::finish(CURLcode result) {
    // What has no complete head is HTTP/0.9 or worse.
    const bool whole = result == CURLE_OK && head_ == Head::kComplete;
    if (!whole) {
        HttpClientFailure failure =
            failure_of(result == CURLE_OK ? CURLE_WEIRD_SERVER_REPLY : result);
        release();
        return fail(std::move(failure));
    }
    release();
    executor_.post([self = shared_from_this()] {
        HttpRecipient to = self->take_recipient();
        if (to.done) to.done(std::move(self->response_));
        if (to.sink) to.sink->on_end({});
    });
}

void HttpTransfer::release() {
    easy_.reset();
    headers_.reset();
}

}  // namespace signalbox::runtime
