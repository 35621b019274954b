#include "runtime/curl_http_client.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <list>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/deficit_round_robin.h"
#include "runtime/http_transfer.h"

namespace signalbox::runtime {
namespace {

using enum HttpClientFault;
using TransferPtr = std::shared_ptr<HttpTransfer>;
using CurlMulti = std::unique_ptr<CURLM, CurlDeleter<curl_multi_cleanup>>;

CurlMulti make_multi(const HttpClientOptions& options) {
    static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    SB_CHECK(initialised == CURLE_OK);
    CurlMulti multi(curl_multi_init());
    SB_CHECK(multi != nullptr);
    curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS,
                      static_cast<long>(options.idle_connections_max));
    return multi;
}

}  // namespace

/// What other threads want of the client's thread.
/// Threading: any thread, but for take() and ended(): the client's.
/// Bounds:    at most open_max requests from admit() to ended(); each is cancelled once and
///            resumed at most once at a time.
class HttpInbox {
public:
    struct Orders {
        std::vector<TransferPtr> start, cancel, resume;
        bool stop = false;
    };

    explicit HttpInbox(std::size_t open_max) : open_max_(open_max) {}

    void attach(CURLM* multi) {
        const std::lock_guard lock(mutex_);
        multi_ = multi;
    }
    /// @return why it is not admitted.
    [[nodiscard]] std::optional<HttpClientFailure> admit(TransferPtr transfer) {
        const std::lock_guard lock(mutex_);
        if (orders_.stop) return HttpClientFailure{kStopped, "the client was stopped"};
        if (open_ >= open_max_) return HttpClientFailure{kOverloaded, "too many requests wait"};
        ++open_;
        orders_.start.push_back(std::move(transfer));
        wake();
        return std::nullopt;
    }
    void cancel(TransferPtr transfer) { order(&Orders::cancel, std::move(transfer)); }
    void resume(TransferPtr transfer) { order(&Orders::resume, std::move(transfer)); }
    void stop() {
        const std::lock_guard lock(mutex_);
        orders_.stop = true;
        wake();
    }
    void ended() {
        const std::lock_guard lock(mutex_);
        --open_;
    }
    [[nodiscard]] Orders take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(orders_, Orders{.stop = orders_.stop});
    }

private:
    void order(std::vector<TransferPtr> Orders::* list, TransferPtr transfer) {
        const std::lock_guard lock(mutex_);
        if (orders_.stop) return;
        (orders_.*list).push_back(std::move(transfer));
        wake();
    }
    void wake() const {
        if (multi_ != nullptr) curl_multi_wakeup(multi_);
    }

    const std::size_t open_max_;
    std::mutex mutex_;
    CURLM* multi_ = nullptr;
    std::size_t open_ = 0;
    Orders orders_;
};

namespace {

/// The client's thread.
class Loop {
public:
    Loop(const HttpClientOptions& options, HttpInbox& inbox)
        : options_(options), inbox_(inbox), multi_(make_multi(options)) {
        inbox_.attach(multi_.get());
    }
    ~Loop() { inbox_.attach(nullptr); }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    void run() {
        for (;;) {
            const HttpInbox::Orders orders = inbox_.take();
            for (const TransferPtr& one : orders.start) admit(one);
            if (orders.stop) return end_all();
            for (const TransferPtr& one : orders.cancel) cancel(one);
            for (const TransferPtr& one : orders.resume) resume(one);
            do {
                start_waiting();
                int running = 0;
                curl_multi_perform(multi_.get(), &running);
            } while (end_finished());
            curl_multi_poll(multi_.get(), nullptr, 0, milliseconds_to_wait(), nullptr);
        }
    }

private:
    using Queue = DeficitRoundRobin<TransferPtr>;
    struct Origin {
        std::size_t active = 0;
        Queue waiting;
    };
    using Origins = std::unordered_map<std::string, Origin>;
    /// Where one that waits is found again.
    struct Place {
        Queue::Place in_queue;
        std::multimap<MonotonicTime, TransferPtr>::iterator deadline;
    };

    void admit(const TransferPtr& transfer) {
        const auto origin = origins_.try_emplace(transfer->origin()).first;
        Queue& queue = origin->second.waiting;
        const Share share = transfer->share();
        if (!queue.has_room(share.source, options_.waiting_per_origin_max)) {
            transfer->fail({kOverloaded, "too many requests wait for " + transfer->origin()});
            return inbox_.ended();
        }
        if (queue.size() == 0) turns_.push_back(&*origin);
        const auto deadline = deadlines_.emplace(transfer->deadline(), transfer);
        places_.emplace(transfer.get(), Place{queue.push(share, transfer), deadline});
    }

    /// It waits no longer, whichever way it left its queue.
    void forget_place(const TransferPtr& transfer, Origins::value_type& origin) {
        deadlines_.erase(places_.extract(transfer.get()).mapped().deadline);
        if (origin.second.waiting.size() == 0) turns_.remove(&origin);
    }

    /// @return false when it does not wait.
    [[nodiscard]] bool take_out(const TransferPtr& transfer) {
        const auto place = places_.find(transfer.get());
        if (place == places_.end()) return false;
        const auto origin = origins_.find(transfer->origin());
        origin->second.waiting.erase(place->second.in_queue);
        forget_place(transfer, *origin);
        return true;
    }

    /// Starts what there is room for, servers in turn, and fails what has waited for too long.
    void start_waiting() {
        const MonotonicTime now = SystemClock().monotonic_now();
        while (!deadlines_.empty() && deadlines_.begin()->first <= now)
            time_out(deadlines_.begin()->second);
        std::size_t full = 0;
        while (full < turns_.size() && active_.size() < options_.active_max) {
            Origins::value_type& origin = *turns_.front();
            turns_.splice(turns_.end(), turns_, turns_.begin());
            if (origin.second.active >= options_.active_per_origin_max) {
                ++full;
                continue;
            }
            const TransferPtr transfer = *origin.second.waiting.pop();
            forget_place(transfer, origin);
            start(transfer, origin.second);
            full = 0;
        }
    }

    /// By value: what holds it is erased.
    void time_out(TransferPtr transfer) {  // NOLINT(performance-unnecessary-value-param)
        SB_CHECK(take_out(transfer));
        transfer->fail({kTimeout, "no turn in time"});
        forget(transfer);
    }

    void start(const TransferPtr& transfer, Origin& origin) {
        CURL* easy = transfer->start(options_);
        ++origin.active;
        active_.insert(transfer);
        SB_CHECK(curl_multi_add_handle(multi_.get(), easy) == CURLM_OK);
    }

    void cancel(const TransferPtr& transfer) {
        if (take_out(transfer)) return forget(transfer);
        if (!active_.contains(transfer)) return;  // it had ended
        remove(transfer);
        transfer->abandon();
        forget(transfer);
    }

    void resume(const TransferPtr& transfer) {
        const CURLcode result = transfer->resume();
        if (result == CURLE_OK) return;
        SB_CHECK(active_.contains(transfer));
        remove(transfer);
        transfer->finish(result);
        forget(transfer);
    }

    /// @return true when there is room for others now.
    bool end_finished() {
        bool any = false;
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            const CURLcode result = message->data.result;
            const TransferPtr transfer = HttpTransfer::of(message->easy_handle);
            remove(transfer);
            transfer->finish(result);
            forget(transfer);
            any = true;
        }
        return any;
    }

    void remove(const TransferPtr& transfer) {
        curl_multi_remove_handle(multi_.get(), transfer->handle());
        active_.erase(transfer);
        --origins_[transfer->origin()].active;
    }

    /// Neither active nor waiting any more.
    void forget(const TransferPtr& transfer) {
        inbox_.ended();
        const auto origin = origins_.find(transfer->origin());
        if (origin->second.active + origin->second.waiting.size() == 0) origins_.erase(origin);
    }

    void end_all() {
        const HttpClientFailure stopped{kStopped, "the client was stopped"};
        for (const auto& [deadline, transfer] : deadlines_) transfer->fail(stopped);
        for (const TransferPtr& one : active_) {
            curl_multi_remove_handle(multi_.get(), one->handle());
            one->abandon();
            one->fail(stopped);
        }
    }

    [[nodiscard]] int milliseconds_to_wait() const {
        constexpr Milliseconds kLong{60'000};
        const MonotonicTime now = SystemClock().monotonic_now();
        MonotonicTime next = now + kLong;
        if (!deadlines_.empty()) next = std::min(next, deadlines_.begin()->first);
        const auto wait = std::chrono::ceil<Milliseconds>(next - now);
        return static_cast<int>(std::max(wait, Milliseconds(0)).count());
    }

    const HttpClientOptions& options_;
    HttpInbox& inbox_;
    const CurlMulti multi_;
    Origins origins_;  // those with a request
    std::unordered_set<TransferPtr> active_;
    std::list<Origins::value_type*> turns_;                  // those where requests wait
    std::multimap<MonotonicTime, TransferPtr> deadlines_;    // of those that wait
    std::unordered_map<const HttpTransfer*, Place> places_;  // likewise
};

void work(const HttpClientOptions& options, HttpInbox& inbox) {
    // Signals are the program's affair, and so is the answer to a broken pipe.
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    ::pthread_setname_np(::pthread_self(), "http-client");
    Loop(options, inbox).run();
}

}  // namespace

CurlHttpClient::CurlHttpClient(HttpClientOptions options)
    : options_(std::move(options)),
      inbox_(std::make_shared<HttpInbox>(options_.active_max + options_.waiting_max)) {}

CurlHttpClient::~CurlHttpClient() {
    stop();
}

HttpCall CurlHttpClient::fetch(HttpClientRequest request, Executor& answer_on, Done done) {
    return submit(std::make_shared<HttpTransfer>(std::move(request), answer_on,
                                                 HttpRecipient{.done = std::move(done)}));
}

HttpCall CurlHttpClient::stream(HttpClientRequest request, Executor& answer_on,
                                std::unique_ptr<HttpResponseSink> sink) {
    return submit(std::make_shared<HttpTransfer>(std::move(request), answer_on,
                                                 HttpRecipient{.sink = std::move(sink)}));
}

HttpCall CurlHttpClient::submit(TransferPtr transfer) {
    transfer->on_resumable = [inbox = inbox_, weak = std::weak_ptr(transfer)] {
        if (auto held_back = weak.lock()) inbox->resume(std::move(held_back));
    };
    auto failure = transfer->check();
    if (!failure) {
        const std::lock_guard lock(starting_);
        failure = inbox_->admit(transfer);
        if (!failure && !thread_.joinable())
            thread_ = std::thread([this] { work(options_, *inbox_); });
    }
    if (failure) transfer->fail(std::move(*failure));
    return HttpCall([inbox = inbox_, transfer] {
        if (transfer->forget_recipient()) inbox->cancel(transfer);
    });
}

void CurlHttpClient::stop() {
    inbox_->stop();
    const std::lock_guard lock(starting_);
    if (thread_.joinable()) thread_.join();
}

}  // namespace signalbox::runtime
