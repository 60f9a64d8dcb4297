#include "http/open_api.hpp"

#include <array>
#include <string_view>

#include "elves/caller.hpp"
#include "elves/json.hpp"
#include "elves/method_table.hpp"
#include "rpc/router.hpp"

namespace elves::http {

namespace {

struct Status {
    char const* code;
    char const* means;
};

constexpr std::array refusals{Status{"400", "A field is missing or wrong ([403.x], [400.x])."},
    Status{"401", "No key, or a wrong one."}, Status{"403", "The key may not do that ([401.6])."},
    Status{"404", "There is no such thing."},
    Status{"409", "It is not in a state for that, or its agent did not answer."},
    Status{"423", "A window is closed, or a cap is full."}, Status{"429", "Too much at once."},
    Status{"500", "A fault of the server's; its log has the details."},
    Status{"503", "The server is stopping."}, Status{"507", "The store cannot write."}};

/// The types of docs/protocol.md that are no text, by the word that `elves.methods` has for them. Numbers and
/// truth values may be sent as strings, too.
json::object schema_of(FieldInfo const& field)
{
    json::object schema{{"description", field.type}};
    std::string_view const type = field.type;
    if (type == "string" || type == "ip" || type == "target" || type == "short name") {
        schema["type"] = "string";
    } else if (type.starts_with("list")) {
        schema["type"] = "array";
    } else if (type.starts_with("object")) {
        schema["type"] = "object";
    }
    return schema;
}

json::object body_of(Method const& method)
{
    json::object properties;
    json::array required;
    for (auto const& field : method.fields) {
        properties[field.name] = schema_of(field);
        if (field.required) required.emplace_back(field.name);
    }
    json::object schema{{"type", "object"}, {"properties", std::move(properties)}};
    bool const needs_body = !required.empty();
    if (needs_body) schema["required"] = std::move(required);
    return {{"required", needs_body},
        {"content", json::object{{"application/json", json::object{{"schema", std::move(schema)}}}}}};
}

json::object content_of(char const* schema)
{
    return {{"application/json", json::object{{"schema", json::object{{"$ref", schema}}}}}};
}

json::object responses()
{
    json::object all{{"200",
        json::object{{"description", "The reply."}, {"content", content_of("#/components/schemas/Reply")}}}};
    for (auto const& [code, means] : refusals)
        all[code] =
            json::object{{"description", means}, {"content", content_of("#/components/schemas/Reply")}};
    return all;
}

json::object operation_of(std::string const& service, Method const& method)
{
    return {
        {"post", json::object{{"operationId", service + "." + method.name}, {"tags", json::array{service}},
                     {"summary", method.help}, {"x-elves-right", right_text(method.right)},
                     {"requestBody", body_of(method)}, {"responses", responses()}}}};
}

json::object components()
{
    json::object reply{{"type", "object"},
        {"properties", json::object{{"flag", json::object{{"enum", json::array{"true", "false"}}}},
                           {"error_info", json::object{{"type", "string"},
                                              {"description", "`[CODE] what is wrong`, or \"\""}}}}},
        {"required", json::array{"flag", "error_info"}}, {"additionalProperties", true}};
    json::object bearer{{"type", "http"}, {"scheme", "bearer"}, {"description", "KEY:TOKEN"}};
    json::object basic{{"type", "http"}, {"scheme", "basic"}, {"description", "The key and its token."}};
    return {{"schemas", json::object{{"Reply", std::move(reply)}}},
        {"securitySchemes", json::object{{"bearer", std::move(bearer)}, {"basic", std::move(basic)}}}};
}

} // namespace

std::string open_api(Router const& router, std::string_view version)
{
    json::object paths;
    for (auto const& [service, table] : router.services()) {
        if (!table) continue;
        for (auto const& method : table->all())
            if (method->right != Right::report)
                paths["/api/" + service + "/" + method->name] = operation_of(service, *method);
    }
    json::array security{json::object{{"bearer", json::array()}}, json::object{{"basic", json::array()}}};
    json::object document{{"openapi", "3.1.0"},
        {"info", json::object{{"title", "Elves"}, {"version", version},
                     {"description", "Every method of the server, as docs/protocol.md explains it."}}},
        {"security", std::move(security)}, {"paths", std::move(paths)}, {"components", components()}};
    return json::serialize(document);
}

} // namespace elves::http
