# One place for warnings, sanitizers and the precompiled header.
add_library(elves_options INTERFACE)
target_include_directories(elves_options INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(elves_options INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(elves_options INTERFACE
    BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_JSON_STANDALONE_BUILD=0
    # Asio's frames come from operator new: aligned_alloc goes past malloc's quick lists.
    BOOST_ASIO_DISABLE_STD_ALIGNED_ALLOC BOOST_ASIO_DISABLE_BOOST_ALIGN
    ELVES_VERSION="${PROJECT_VERSION}")
target_compile_options(elves_options INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # What makes a precompiled header usable with ccache.
    target_compile_options(elves_options INTERFACE -fpch-preprocess)
    # False alarms of GCC 12 once it inlines, or with sanitizers: string concatenation (its bugs 105329, 105651),
    # coroutine frames, std::regex, std::optional.
    target_compile_options(elves_options INTERFACE
        -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-mismatched-new-delete -Wno-maybe-uninitialized)
endif()
if(ELVES_SANITIZE)
    target_compile_options(elves_options INTERFACE
        -fsanitize=${ELVES_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1)
    target_link_options(elves_options INTERFACE -fsanitize=${ELVES_SANITIZE})
    if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
        # Clang 14 emits no usable object for a coroutine under this one ("a difference across sections").
        target_compile_options(elves_options INTERFACE -fno-sanitize=function)
    endif()
    if(ELVES_SANITIZE MATCHES thread)
        # Asio's fences are for multi-threaded completion; GCC's TSan has no model of them and says so.
        target_compile_options(elves_options INTERFACE -Wno-tsan)
    endif()
endif()
if(ELVES_COVERAGE)
    target_compile_options(elves_options INTERFACE --coverage -fprofile-update=atomic)
    target_link_options(elves_options INTERFACE --coverage)
endif()
if(ELVES_FUZZ)
    # Every library tells libFuzzer which ways it went; libFuzzer's own main comes with test/fuzz.
    target_compile_options(elves_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

file(WRITE ${CMAKE_BINARY_DIR}/pch.cpp "// Only the precompiled header below.\n")
add_library(elves_pch OBJECT ${CMAKE_BINARY_DIR}/pch.cpp)
target_link_libraries(elves_pch PUBLIC elves_options)
set(elves_pch_core <algorithm> <chrono> <functional> <map> <memory> <optional> <string> <string_view> <unordered_map>
    <vector> <boost/json.hpp>)
set(elves_pch_all ${elves_pch_core} <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp> <boost/asio/io_context.hpp>
    <boost/asio/ip/tcp.hpp> <boost/asio/use_awaitable.hpp>)
target_precompile_headers(elves_pch PRIVATE ${elves_pch_all})

# elves_add_library(NAME [PUBLIC lib...] [PRIVATE lib...]): every src/NAME/*.cpp but main.cpp.
function(elves_add_library name)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
    list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
    if(NOT sources)
        return()
    endif()
    add_library(elves_${name} STATIC ${sources})
    target_include_directories(elves_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(elves_${name} PUBLIC elves_options ${ARGN})
    if(name STREQUAL core)
        # Without Asio, which would make a program that links core alone need Asio's compiled part, also where it uses
        # none of the few files of core that include Asio (test/layering.py lists them).
        target_precompile_headers(elves_core PRIVATE ${elves_pch_core})
        # One more face of GCC 12's false alarms at string concatenation (above); with a precompiled header it shows here.
        target_compile_options(elves_core PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>)
    else()
        target_precompile_headers(elves_${name} REUSE_FROM elves_pch)
    endif()
endfunction()

function(elves_add_program name main)
    if(NOT EXISTS ${PROJECT_SOURCE_DIR}/${main})
        return()
    endif()
    add_executable(${name} ${main})
    target_link_libraries(${name} PRIVATE ${ARGN})
    target_precompile_headers(${name} REUSE_FROM elves_pch)
endfunction()
