#include "runtime/warm_transports.h"

#include "base/check.h"

namespace signalbox::runtime {

WarmTransports::~WarmTransports() {
    while (newest_ != nullptr) remove(*newest_);
}

void WarmTransports::note_use(Member& member) {
    if (newest_ == &member) return;
    SB_CHECK(member.home_ == nullptr || member.home_ == this);
    if (member.home_ != nullptr) remove(member);
    member.home_ = this;
    member.older_ = newest_;
    (newest_ == nullptr ? oldest_ : newest_->newer_) = &member;
    newest_ = &member;
    if (++size_ <= kMax) return;
    Member& cold = *oldest_;
    remove(cold);
    cold.cool_down();
}

void WarmTransports::remove(Member& member) {
    (member.newer_ == nullptr ? newest_ : member.newer_->older_) = member.older_;
    (member.older_ == nullptr ? oldest_ : member.older_->newer_) = member.newer_;
    member.home_ = nullptr;
    member.newer_ = nullptr;
    member.older_ = nullptr;
    --size_;
}

}  // namespace signalbox::runtime
