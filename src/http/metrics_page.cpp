#include "http/metrics_page.hpp"

#include <prometheus/text_serializer.h>

#include "http/metric_families.hpp"

namespace elves::http {

Reply MetricsPage::answer(Request const& request) const
{
    MetricFamilies families(most_series);
    for (auto const& source : sources_) source(families);
    auto const all = families.take();
    Reply reply;
    if (request.header("accept").find("application/openmetrics-text") != std::string_view::npos) {
        reply.content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        reply.body = open_metrics_text(all);
    } else {
        reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
        reply.body = prometheus::TextSerializer().Serialize(all);
    }
    return reply;
}

} // namespace elves::http
