#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/dial.hpp"
#include "elves/settings.hpp"

namespace elves::http {

/// Who may read /metrics.
enum class MetricsFor {
    loopback, ///< Whoever asks from 127.0.0.0/8 or ::1.
    key,      ///< Who shows a key that may read.
    open,     ///< Anybody who reaches the port.
};

/// What `[http]` of elves.conf says.
struct HttpSettings {
    std::vector<HostPort> listen; ///< Empty: there is no such port.

    std::vector<std::string> hosts; ///< From here on: what SIGHUP can change. Beside those that always count.
    MetricsFor metrics = MetricsFor::loopback;
    bool console = true;

    /// Throws SettingsError. `has_tls`: the server has a certificate.
    [[nodiscard]] static HttpSettings read(Section const& section, bool has_tls);
    void take_over(HttpSettings const& again);
};

} // namespace elves::http
