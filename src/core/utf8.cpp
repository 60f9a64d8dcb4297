#include "core/utf8.hpp"

namespace elves {
namespace {
constexpr std::string_view replacement = "\xEF\xBF\xBD";
}

std::string Utf8Repair::put(std::string_view bytes)
{
    std::string out;
    out.reserve(bytes.size() + held_.size());
    for (char const byte : bytes) take(byte, out);
    return out;
}

std::string Utf8Repair::finish()
{
    std::string out(held_.empty() ? "" : replacement);
    *this = Utf8Repair();
    return out;
}

void Utf8Repair::take(char byte, std::string& out)
{
    auto const value = static_cast<unsigned char>(byte);
    if (missing_ > 0) {
        bool const fits = value >= lowest_ && value <= highest_;
        lowest_ = 0x80;
        highest_ = 0xBF;
        if (fits) {
            held_ += byte;
            if (--missing_ > 0) return;
            out += held_;
            held_.clear();
            return;
        }
        // What was held is at fault; this byte may begin something new.
        out += replacement;
        held_.clear();
        missing_ = 0;
    }
    if (value < 0x80) {
        out += byte;
        return;
    }
    if (value < 0xC2 || value > 0xF4) {
        out += replacement;
        return;
    }
    held_ = byte;
    missing_ = value < 0xE0 ? 1 : value < 0xF0 ? 2 : 3;
    // No overlong forms, no surrogates, nothing over U+10FFFF: the second byte shows each of them.
    if (value == 0xE0) lowest_ = 0xA0;
    if (value == 0xED) highest_ = 0x9F;
    if (value == 0xF0) lowest_ = 0x90;
    if (value == 0xF4) highest_ = 0x8F;
}

std::string repaired(std::string_view bytes)
{
    Utf8Repair repair;
    auto text = repair.put(bytes);
    return text + repair.finish();
}

bool is_utf8(std::string_view bytes) { return repaired(bytes) == bytes; }

} // namespace elves
