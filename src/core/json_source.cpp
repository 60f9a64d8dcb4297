// Boost.JSON, compiled once: its symbols are then in every program, for loaded modules too.
#include <boost/json/src.hpp>
