#pragma once

#include <boost/json.hpp>

namespace elves {
namespace json = boost::json;
}
